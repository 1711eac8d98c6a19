import { expect } from 'chai'
import { type Conn, clientAddress } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { named, startBackends } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'

/** The most sessions that a backend may hold when the m-th comes, computed in integers. */
function bound(milli: number, m: number, weight: number, weights: number): number {
  return Math.max(1, Math.ceil((milli * m * weight) / (1000 * weights)))
}

// Row 19 of the fault matrix; 5,000 sessions in test/faults/bound.test.ts.
forEachRelay('limits', pair => {
  it('never puts more than maxSessions on a backend, and refuses the rest', async () => {
    const seats = 10
    await using backends = await startBackends(['a', 'b', 'c'], named)
    const settings = backends.all.map(({ name, address }) => ({ name, address, maxSessions: seats }))
    await using rig = await Rig.open(pair, { backends: settings })
    const served: Conn[] = []
    const tries = Array.from({ length: 9 * seats }, async (_, n) => {
      const client = await rig.connect({ localAddress: clientAddress(n) })
      if ((await client.line()) !== '') served.push(client)
      else await client.over()
    })
    await Promise.all(tries)
    expect(served.length).to.equal(3 * seats)
    expect(rig.counters).to.include({ accepted: 9 * seats, opened: 3 * seats, refusedPoolFull: 6 * seats })
    expect(rig.loads).to.deep.equal({ a: seats, b: seats, c: seats })
    expect(backends.all.map(({ most }) => most)).to.deep.equal([seats, seats, seats])

    // A seat that is given back is a seat again.
    served.pop()?.finish()
    await until('a seat', () => rig.stats.sessions === 3 * seats - 1)
    const next = await rig.connect({ localAddress: clientAddress(1000) })
    expect(await next.line()).to.match(/^[abc]$/)
    for (const client of [...served, next]) client.finish()
    await rig.settle()
    expect(rig.counters).to.include({ refusedPoolFull: 6 * seats, opened: 3 * seats + 1, endFinished: 3 * seats + 1 })
  })

  it('keeps the bound while sessions come in from many addresses at once', async () => {
    const clients = rounds(300, 1500)
    await using backends = await startBackends(['a', 'b', 'c', 'd'], named)
    const weights = [1, 1, 2, 4]
    const settings = backends.all.map(({ name, address }, index) => ({ name, address, weight: weights[index] }))
    await using rig = await Rig.open(pair, { backends: settings, pool: { boundedLoad: 1.1, stickTable: 'off' } })
    const judge = (): void => {
      // Sessions only come: those that were there when the loads were read are there still, or more.
      const loads = rig.loads
      const m = rig.stats.pools[rig.pool]?.seats ?? 0
      for (const [index, { name }] of backends.all.entries()) {
        expect(loads[name], `${name} of ${m}`).to.be.at.most(bound(1100, m + 1, weights[index] ?? 0, 8))
      }
    }
    const open = async (n: number): Promise<void> => {
      const client = await rig.connect({ localAddress: clientAddress(n) })
      expect(await client.line()).to.match(/^[abcd]$/)
      judge()
    }
    for (let n = 0; n < clients; n += 50) await Promise.all(Array.from({ length: 50 }, (_, index) => open(n + index)))
    expect(rig.stats.sessions).to.equal(clients)
    judge()
    expect(rig.stats.pools[rig.pool]?.decisions.overflow, 'the bound was met').to.be.greaterThan(0)
    for (const backend of backends.all) for (const conn of backend.live) conn.reset()
    await rig.settle()
    expect(rig.counters.endBackendReset).to.equal(clients)
  })

  it('closes clients past the maxSessions of a listener', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await Rig.open(pair, { backends: backends.all, listener: { maxSessions: 5 } })
    const inside = await Promise.all(Array.from({ length: 5 }, () => rig.connect()))
    for (const client of inside) expect(await client.line()).to.match(/^[ab]$/)
    for (let n = 0; n < 5; n++) expect(await (await rig.connect()).line()).to.equal('')
    expect(rig.counters).to.include({ accepted: 10, opened: 5, refusedMaxSessions: 5 })
    inside[0]?.finish()
    await until('a session to end', () => rig.stats.sessions === 4)
    expect(await (await rig.connect()).line()).to.match(/^[ab]$/)
    rig.hangUp()
    await rig.settle()
  })

  // Row 22, its part about sessions: a table that is far too small, and clients that are there.
  it('keeps the pins of clients with live sessions through a flood of new addresses', async () => {
    const table = 64
    const flood = rounds(20, 200) * table
    await using backends = await startBackends(['a', 'b', 'c'], named)
    await using rig = await Rig.open(pair, { backends: backends.all, pool: { stickTable: { size: table } } })
    const residents = new Map<string, string>()
    for (let n = 0; n < table / 4; n++) {
      const localAddress = clientAddress(n)
      residents.set(localAddress, await (await rig.connect({ localAddress })).line())
    }
    const pool = rig.balancer.pool()
    for (let n = 0; n < flood; n++) pool.pick(clientAddress(1000 + n)).release()
    const found = rig.stats.pools[rig.pool]?.table
    expect(found?.entries).to.be.at.most(found?.capacity ?? 0)
    expect((found?.evicted.home ?? 0) + (found?.evicted.away ?? 0), 'the table was full').to.be.greaterThan(flood / 2)
    const pins = rig.stats.pools[rig.pool]?.decisions.pin ?? 0
    for (const [localAddress, name] of residents) {
      expect(pool.explain(localAddress).pin?.backend).to.equal(name)
      const again = await rig.connect({ localAddress })
      expect(await again.line()).to.equal(name)
    }
    expect(rig.stats.pools[rig.pool]?.decisions.pin).to.equal(pins + residents.size)
    rig.hangUp()
    await rig.settle()
  })
})
