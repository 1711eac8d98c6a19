import { expect } from 'chai'
import { ProcessRig } from '../helpers/process-rig.ts'
import { Children, requireFds } from '../helpers/processes.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'

const KIB = 1024
/** Memory of an idle session: generous, since pages and the heap of a young process grow with it too. */
const MOST_KIB = { native: 16, stream: 96 }

// Row 10 of the fault matrix.
forEachRelayOnce('many idle clients', pair => {
  it('cost little memory, keep nobody out, and end with the idle timeout', async function () {
    const clients = rounds(400, 9000)
    requireFds(this, 2 * clients + 500)
    await using children = await Children.start(['backends', 'clients'])
    const [backends, crowd] = children.all
    const settings = await backends.call<{ name: string; address: string }[]>('start', ['a', 'b', 'c'])
    const idle = rounds(1500, 30_000)
    await using rig = await ProcessRig.open(pair, { backends: settings, pool: { timeouts: { idle } } })
    // What is allocated once is there already.
    await crowd.call('open', rig.dial, 50, 0)
    await crowd.call('close', 50)
    await until('them to be gone', async () => (await rig.stats()).sessions === 0)

    const before = await rig.memory()
    const lines = await crowd.call<Record<string, number>>('open', rig.dial, clients, 0)
    const each = ((await rig.memory()) - before) / clients / KIB
    const late = await rig.connect()
    expect(await late.line(), 'one more is served at once').to.match(/^[abc]$/)
    expect(lines).to.have.all.keys('a', 'b', 'c')
    const stats = await rig.stats()
    expect(stats.counters).to.include({ accepted: clients + 51, opened: clients + 51 })
    console.log(`      ${stats.sessions} idle sessions, ${each.toFixed(2)} KiB each`)
    expect(each, 'KiB for an idle session').to.be.lessThan(MOST_KIB[pair.relay])

    expect(await crowd.call('over')).to.equal(clients)
    await late.over()
    late.destroy()
    const counters = await rig.settle()
    expect(counters.accepted).to.equal(clients + 51)
    expect(counters.endIdleTimeout).to.be.at.least(clients + 1)
  })
})
