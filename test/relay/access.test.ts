import { networkInterfaces } from 'node:os'
import { expect } from 'chai'
import { requireFeature } from '../helpers/peers.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { named, startBackends } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

const hasIPv6 = Object.values(networkInterfaces()).some(entries => entries?.some(({ address }) => address === '::1'))

forEachRelay('allow and deny', pair => {
  it('closes clients that are denied, and counts them', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      listener: { allow: ['127.0.0.0/29', '127.0.1.7'], deny: ['127.0.0.4/30'] },
    })
    const taken = ['127.0.0.1', '127.0.0.3', '127.0.1.7']
    for (const localAddress of taken) expect(await (await rig.connect({ localAddress })).line()).to.equal('a')
    const denied = ['127.0.0.4', '127.0.0.7', '127.0.0.8', '127.0.1.6', '127.0.1.8']
    for (const localAddress of denied) await (await rig.connect({ localAddress })).over()
    expect(rig.counters).to.include({ accepted: 8, opened: 3, refusedDenied: 5 })
    expect(backends.all[0]?.most, 'nobody else reached the backend').to.equal(3)
    rig.hangUp()
    await rig.settle()
  })

  it('says who is denied before it says who is too many', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      listener: { deny: ['127.0.0.2'], maxSessions: 1 },
    })
    const inside = await rig.connect()
    expect(await inside.line()).to.equal('a')
    await (await rig.connect({ localAddress: '127.0.0.2' })).over()
    await (await rig.connect()).over()
    expect(rig.counters).to.include({ accepted: 3, refusedDenied: 1, refusedMaxSessions: 1 })
    rig.hangUp()
    await rig.settle()
  })

  it('knows the IPv4 clients of a dual stack listener from the IPv6 ones', async function () {
    if (!hasIPv6) requireFeature(this, 'this host has no IPv6 on its loopback interface')
    await using backends = await startBackends(['a'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      listener: { bind: ':0', allow: ['127.0.0.1', '::/0'], deny: ['::1'] },
    })
    const { port } = rig.balancer.address() as { port: number }
    expect(await (await rig.connect({ host: '127.0.0.1', port })).line()).to.equal('a')
    await (await rig.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })).over()
    await (await rig.connect({ host: '::1', port })).over()
    expect(rig.counters).to.include({ accepted: 3, opened: 1, refusedDenied: 2 })
    rig.hangUp()
    await rig.settle()
  })

  it('denies before it takes: a flood of denied clients leaves nothing behind', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await Rig.open(pair, { backends: backends.all, listener: { deny: ['127.0.0.2'] } })
    const flood = Array.from({ length: 200 }, async () => (await rig.connect({ localAddress: '127.0.0.2' })).over())
    const visits = Array.from({ length: 20 }, async () => (await rig.connect()).line())
    expect(await Promise.all(visits)).to.deep.equal(new Array(20).fill('a'))
    await Promise.all(flood)
    await until('all to be counted', () => rig.counters.refusedDenied === 200)
    expect(rig.stats.pools[rig.pool]?.table.entries, 'pins').to.equal(1)
    rig.hangUp()
    await rig.settle()
  })
})
