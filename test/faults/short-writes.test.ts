import { expect } from 'chai'
import { inNetnsOf, inNewNetns, requireNetns } from '../helpers/netns.ts'
import { ProcessRig } from '../helpers/process-rig.ts'
import { Child } from '../helpers/processes.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { rounds } from '../helpers/soak.ts'

/** The least that the system gives a socket: nearly every write of the relay is cut short. */
const SMALL_BUFFERS = { 'ipv4/tcp_wmem': '4096 4096 4096', 'ipv4/tcp_rmem': '4096 8192 8192' }
const [LISTENER, BACKEND] = [7000, 7101]
const AT_ONCE = 50

// Row 12 of the fault matrix; with ordinary buffers in test/relay/bytes.test.ts, through pipes in
// test/native/relay_splice_test.cc: buffers so small are never bulk.
forEachRelayOnce('short writes', pair => {
  before(function () {
    requireNetns(this)
  })

  it('lose nothing', async () => {
    const schedules = rounds(100, 5000)
    const backends = [{ name: 'a', address: `127.0.0.1:${BACKEND}` }]
    const listener = { bind: `127.0.0.1:${LISTENER}` }
    await using rig = await ProcessRig.open(pair, { backends, listener, prefix: inNewNetns(SMALL_BUFFERS) })
    await using ends = await Child.start('schedules', inNetnsOf(rig.child.pid))
    await ends.call('start', BACKEND)
    for (let seed = 0; seed < schedules; seed += AT_ONCE) await ends.call('run', rig.dial, seed, AT_ONCE, 128 * 1024)
    const counters = await rig.settle()
    expect(counters).to.include({ accepted: schedules, endFinished: schedules })
  })
})
