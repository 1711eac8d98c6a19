import { expect } from 'chai'
import { type Conn, clientAddress } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { named, startBackends } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'

/** Those of `count` clients that come at once and are served; the others are over. */
async function come(rig: Rig, count: number, localAddress: string): Promise<Conn[]> {
  const served: Conn[] = []
  const tries = Array.from({ length: count }, async () => {
    const client = await rig.connect({ localAddress })
    if ((await client.line()) !== '') served.push(client)
    else await client.over()
  })
  await Promise.all(tries)
  return served
}

forEachRelay('limits of one client', pair => {
  it('holds sessionsPerKey exactly, however many come at once', async () => {
    const most = 3
    await using backends = await startBackends(['a', 'b', 'c'], named)
    await using rig = await Rig.open(pair, { backends: backends.all, pool: { limits: { sessionsPerKey: most } } })
    const addresses = Array.from({ length: rounds(4, 20) }, (_, n) => clientAddress(n))
    const served = await Promise.all(addresses.map(async address => await come(rig, 5 * most, address)))
    expect(served.map(({ length }) => length)).to.deep.equal(addresses.map(() => most))
    const refused = 4 * most * addresses.length
    expect(rig.counters).to.include({ opened: most * addresses.length, refusedKeySessions: refused })
    expect(rig.stats.pools[rig.pool]?.refused).to.include({ keySessions: refused, keyRate: 0, poolFull: 0 })

    served[0]?.pop()?.finish()
    await until('a session to end', () => rig.stats.sessions === most * addresses.length - 1)
    expect(await come(rig, 1, clientAddress(0))).to.have.length(1)
    expect(await come(rig, 2, clientAddress(0))).to.have.length(0)
    rig.hangUp()
    await rig.settle()
  })

  it('counts what a prefix makes one client together, and works without a table', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      pool: { limits: { sessionsPerKey: 2 }, affinity: { ipv4Prefix: 24 }, stickTable: 'off' },
    })
    expect(await come(rig, 1, '127.0.1.1')).to.have.length(1)
    expect(await come(rig, 1, '127.0.1.2')).to.have.length(1)
    expect(await come(rig, 1, '127.0.1.3')).to.have.length(0)
    expect(await come(rig, 1, '127.0.2.3')).to.have.length(1)
    rig.hangUp()
    await rig.settle()
    expect(await come(rig, 3, '127.0.1.3')).to.have.length(2)
    rig.hangUp()
    await rig.settle()
  })

  it('gives back what a client held that found no backend', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await Rig.open(pair, { backends: backends.all, pool: { limits: { sessionsPerKey: 1 } } })
    rig.balancer.pool().update('a', { state: 'maint' })
    for (let n = 0; n < 3; n++) await (await rig.connect()).over()
    expect(rig.counters).to.include({ refusedNoBackend: 3, refusedKeySessions: 0 })
    rig.balancer.pool().update('a', { state: 'ready' })
    expect(await come(rig, 1, '127.0.0.1')).to.have.length(1)
    rig.hangUp()
    await rig.settle()
  })

  it('lets a burst through, and then as many as come back', async () => {
    const burst = 5
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      pool: { limits: { newPerSecondPerKey: 1, burst } },
    })
    const began = performance.now()
    const served = await come(rig, 20, '127.0.0.1')
    const seconds = Math.ceil((performance.now() - began) / 1000)
    expect(served.length).to.be.within(burst, burst + seconds)
    expect(await come(rig, burst, '127.0.0.2'), 'another client').to.have.length(burst)
    expect(rig.counters.refusedKeyRate).to.equal(20 - served.length)
    expect(rig.stats.pools[rig.pool]?.refused.keyRate).to.equal(20 - served.length)
    await until('a token to come back', async () => (await come(rig, 1, '127.0.0.1')).length === 1)
    rig.hangUp()
    await rig.settle()
  })
})
