import { expect } from 'chai'
import type { Conn } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { named, startBackends } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

/** Clients that came at once; nothing is known of them yet. */
async function crowd(rig: Rig, count: number): Promise<Conn[]> {
  return await Promise.all(Array.from({ length: count }, async () => await rig.connect()))
}

forEachRelay('backends that take new sessions at a rate', pair => {
  it('lets a crowd wait, and serves all of it', async () => {
    const [clients, rate] = [30, 20]
    await using backends = await startBackends(['a'], named)
    await using rig = await Rig.open(pair, { backends: backends.all, pool: { limits: { admitPerSecond: rate } } })
    const began = performance.now()
    const lines = await Promise.all((await crowd(rig, clients)).map(async client => await client.line()))
    const tookMs = performance.now() - began
    expect(lines).to.deep.equal(new Array(clients).fill('a'))
    // Two at once; the others one after the other. The clocks of threads tick every 4 ms.
    expect(tookMs).to.be.greaterThan(((clients - rate / 10) / rate) * 1000 - 10)
    expect(rig.counters).to.include({ accepted: clients, opened: clients, refusedAdmission: 0 })
    expect(rig.stats.pools[rig.pool]?.held).to.be.within(1, clients - rate / 10)
    rig.hangUp()
    await rig.settle()
  })

  it('refuses who would have to wait for longer than a connect may take', async () => {
    const clients = 50
    await using backends = await startBackends(['a'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      pool: { limits: { admitPerSecond: 1 }, timeouts: { connect: '1s' } },
    })
    const lines = await Promise.all((await crowd(rig, clients)).map(async client => await client.line()))
    const served = lines.filter(line => line === 'a').length
    expect(served).to.be.within(1, clients - 1)
    expect(rig.counters).to.include({ opened: served, refusedAdmission: clients - served })
    rig.hangUp()
    await rig.settle()
  })

  it('sends those who wait elsewhere when the backend serves nobody any more', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      pool: { limits: { admitPerSecond: 1 }, timeouts: { connect: '1m' }, boundedLoad: 'off' },
    })
    const first = await rig.connect()
    const home = await first.line()
    const waiting = await crowd(rig, 3)
    await until('all to wait', () => rig.stats.pools[rig.pool]?.held === 3)
    rig.balancer.pool().update(home, { state: 'maint' })
    const lines = await Promise.all(waiting.map(async client => await client.line()))
    for (const line of lines) expect(line).to.match(/^[ab]$/)
    // Of three turns the last one is three seconds away.
    expect(lines.filter(line => line !== home)).not.to.deep.equal([])
    expect(
      rig.balancer
        .pool()
        .backends()
        .map(({ connectFailures }) => connectFailures),
    ).to.deep.equal([0, 0])
    rig.hangUp()
    await rig.settle()
  })

  it('takes the pins of those who wait along, when the backend serves nobody any more', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      pool: { limits: { admitPerSecond: 2 }, timeouts: { connect: '1m' }, boundedLoad: 'off' },
    })
    const pool = rig.balancer.pool()
    const clients = Array.from({ length: 60 }, (_, n) => `127.0.9.${n + 1}`)
    const addresses = clients.filter(client => pool.explain(client).home === 'a').slice(0, 4)
    const waiting = await Promise.all(addresses.map(localAddress => rig.connect({ localAddress })))
    await until('all but one to wait', () => rig.stats.pools[rig.pool]?.held === 3)
    pool.update('a', { state: 'maint' })
    const lines = await Promise.all(waiting.map(async client => await client.line()))
    const moved = addresses.filter((_, n) => lines[n] === 'b')
    expect(moved).not.to.deep.equal([])
    for (const address of moved) expect(pool.table.get(address)).to.include({ backend: 'b', isProvisional: false })
    expect(pool.backends().map(({ connectFailures }) => connectFailures)).to.deep.equal([0, 0])
    rig.hangUp()
    await rig.settle()
  })

  it('lets go of clients that leave while they wait', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await Rig.open(pair, {
      backends: backends.all,
      pool: { limits: { admitPerSecond: 1 }, timeouts: { connect: '1h' } },
    })
    const clients = await crowd(rig, 20)
    await until('all to be there', () => rig.counters.accepted === 20 && rig.stats.sessions === 20)
    await until('most to wait', () => (rig.stats.pools[rig.pool]?.held ?? 0) > 10)
    for (const client of clients.slice(10)) client.reset()
    await until('those to be gone', () => rig.stats.sessions === 10)
    expect(rig.stats.pools[rig.pool]?.seats).to.equal(10)
    for (const client of clients.slice(0, 10)) client.reset()
    await rig.settle()
    expect(rig.counters.refusedAdmission).to.equal(0)
  })
})
