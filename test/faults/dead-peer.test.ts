import { expect } from 'chai'
import { inNetnsOf, inNewNetns, requireNetAdmin, requireNetns, runInNetnsOf } from '../helpers/netns.ts'
import { requirePeer } from '../helpers/peers.ts'
import { ProcessRig } from '../helpers/process-rig.ts'
import { Children } from '../helpers/processes.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, idle } from '../helpers/servers.ts'
import { SilentPeer } from '../helpers/silent-peer.ts'

const [LISTENER, BACKEND] = [7000, 7101]
/** The backend's packets are lost in both directions. */
const DROP = `table inet limpet {
  chain lost { type filter hook output priority 0; tcp dport ${BACKEND} drop; tcp sport ${BACKEND} drop; }
}`

// Row 16 of the fault matrix: TCP_REPAIR closes a socket without FIN and without RST, as when the power is pulled.
forEachRelayOnce('a peer that dies silently', pair => {
  before(function () {
    requireNetAdmin(this)
  })

  const timeouts = { keepalive: { idle: '1s', interval: '1s', count: 1 }, idle: '1h' }

  it('is found by keepalive when it is the backend', async () => {
    await using peer = await SilentPeer.listen()
    await using rig = await Rig.open(pair, { backends: [{ name: 'a', address: peer.address }], pool: { timeouts } })
    const client = await rig.connect()
    expect(await client.echo('alive')).to.equal('alive')
    await peer.vanish()
    expect(await client.over()).to.equal('reset')
    expect(await rig.causes(1)).to.deep.equal(['endBackendReset'])
    await rig.settle()
  })

  it('is found by keepalive when it is the client', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend], pool: { timeouts } })
    await using peer = await SilentPeer.connect(rig.dial)
    const server = await backend.next()
    await peer.vanish()
    await server.over()
    expect(server.error?.code).to.equal('ECONNRESET')
    expect(await rig.causes(1)).to.deep.equal(['endClientReset'])
    await rig.settle()
  })

  // There the system of the dead end still answers probes with a reset; here nothing answers. The stream relay leaves the
  // interval and the count of probes to the system, whose defaults are minutes.
  if (pair.relay !== 'native') return

  it('is given up after the configured number of probes when nothing answers at all', async function () {
    requireNetns(this)
    const nft = requirePeer(this, 'nft')
    const backends = [{ name: 'a', address: `127.0.0.1:${BACKEND}` }]
    const listener = { bind: `127.0.0.1:${LISTENER}` }
    await using rig = await ProcessRig.open(pair, { backends, listener, prefix: inNewNetns({}), pool: { timeouts } })
    await using children = await Children.start(['backends', 'clients'], inNetnsOf(rig.child.pid))
    const [servers, clients] = children.all
    await servers.call('start', ['a'], [BACKEND])
    expect(await clients.call('visit', [rig.dial])).to.deep.equal(['a'])
    runInNetnsOf(rig.child.pid, [nft, '-f', '-'], DROP)
    expect(await clients.call('over')).to.equal(1)
    const counters = await rig.settle()
    expect(counters).to.include({ opened: 1, endBackendReset: 1 })
  })
})
