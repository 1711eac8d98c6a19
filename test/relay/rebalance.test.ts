import { once } from 'node:events'
import { expect } from 'chai'
import type { PoolOptions, RebalanceInfo } from '../../src/index.ts'
import { type Conn, clientAddress } from '../helpers/net.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, type Backends, named, startBackends } from '../helpers/servers.ts'
import { until, within } from '../helpers/wait.ts'

const CLIENTS = 16
/** All of them in a second. */
const AT_ONCE = { perMinute: 6000, minAge: '0s' } as const

interface Guest {
  localAddress: string
  conn: Conn
}

async function open(pair: RelayPair, { all }: Backends, pool: Omit<PoolOptions, 'backends'>): Promise<Rig> {
  return await Rig.open(pair, { backends: all, pool: { boundedLoad: 'off', ...pool } })
}

/** Clients, each with a session on the other backend than the one that is away; those whose home that is. */
async function guestsOf(rig: Rig, away: string): Promise<Guest[]> {
  const pool = rig.balancer.pool()
  pool.update(away, { state: 'maint' })
  const guests: Guest[] = []
  for (let n = 0; n < CLIENTS; n++) {
    const localAddress = clientAddress(n)
    const conn = await rig.connect({ localAddress })
    expect(await conn.line()).not.to.equal(away)
    if (pool.explain(localAddress).home === away) guests.push({ localAddress, conn })
  }
  expect(guests).to.have.length.within(2, CLIENTS - 1)
  return guests
}

async function next(rig: Rig, event: 'rebalanceStarted' | 'rebalanceEnded'): Promise<RebalanceInfo> {
  const [run] = (await within(event, once(rig.balancer, event))) as [RebalanceInfo]
  return run
}

forEachRelay('clients whose home is back', pair => {
  it('are brought home, and nobody else is touched', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, { rebalance: AT_ONCE })
    const guests = await guestsOf(rig, 'a')
    const [started, ended] = [next(rig, 'rebalanceStarted'), next(rig, 'rebalanceEnded')]
    rig.balancer.pool().update('a', { state: 'ready' })
    expect(await started).to.include({ state: 'running', total: guests.length, moved: 0 })
    const run = await ended
    expect(run).to.deep.include({ backends: ['a'], state: 'done', moved: guests.length, left: 0, remainingMs: 0 })
    expect(rig.stats.pools[rig.pool]).to.deep.include({ rebalance: run, broughtHome: guests.length })
    await until('their sessions to end', () => rig.closes.length === guests.length)
    expect(rig.closes.map(({ cause, clientAddress }) => [cause, clientAddress])).to.have.deep.members(
      guests.map(({ localAddress }) => ['endClosed', localAddress]),
    )
    for (const { localAddress } of guests) {
      expect(await (await rig.connect({ localAddress })).line()).to.equal('a')
    }
    expect(rig.loads).to.deep.equal({ a: guests.length, b: CLIENTS - guests.length })
    expect(rig.stats.pools[rig.pool]?.decisions.pin, 'their pins were taken home').to.equal(guests.length)
    rig.hangUp()
    await rig.settle()
  })

  it('come to one that is new, too', async () => {
    await using backends = await startBackends(['a'], named)
    await using added = await Backend.start({ name: 'b', serve: named })
    await using rig = await open(pair, backends, { rebalance: AT_ONCE })
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, n) => rig.connect({ localAddress: clientAddress(n) })),
    )
    for (const client of clients) await client.line()
    const ended = next(rig, 'rebalanceEnded')
    rig.balancer.pool().add({ name: 'b', address: added.address })
    const { moved, state } = await ended
    expect(moved).to.be.within(1, CLIENTS - 1)
    expect(state).to.equal('done')
    await until('their sessions to end', () => rig.loads.a === CLIENTS - moved)
    rig.hangUp()
    await rig.settle()
  })

  it('stay for as long as a session of theirs is younger than minAge, and when home is away again', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, { rebalance: { perMinute: 6000, minAge: '1h' } })
    const guests = await guestsOf(rig, 'a')
    const started = next(rig, 'rebalanceStarted')
    rig.balancer.pool().update('a', { state: 'ready' })
    expect(await started).to.include({ total: guests.length })
    const ended = next(rig, 'rebalanceEnded')
    rig.balancer.pool().update('a', { state: 'maint' })
    expect(await ended).to.include({ state: 'stopped', moved: 0, left: guests.length })
    for (const { conn } of guests) {
      await conn.send('x')
      expect(String(await conn.read(1))).to.equal('x')
    }
    expect(rig.counters.endClosed).to.equal(0)
    rig.hangUp()
    await rig.settle()
  })

  it('stay where they are when their pool is gone', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, { rebalance: { perMinute: 6000, minAge: '1h' } })
    const guests = await guestsOf(rig, 'a')
    const started = next(rig, 'rebalanceStarted')
    rig.balancer.pool().update('a', { state: 'ready' })
    await started
    const ended = next(rig, 'rebalanceEnded')
    const { name, address } = backends.all[1] ?? expect.fail('there is no second backend')
    await rig.balancer.reload({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'other', ...pair.listener }],
      pools: { other: { backends: [{ name, address }] } },
      log: { level: 'error' },
    })
    expect(await ended).to.include({ state: 'stopped', moved: 0, left: guests.length })
    for (const { conn } of guests) expect(await conn.echo('x')).to.equal('x')
    expect(rig.counters.endClosed).to.equal(0)
  })

  it('stay where they are while home has no room', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, { rebalance: AT_ONCE })
    const guests = await guestsOf(rig, 'a')
    const ended = next(rig, 'rebalanceEnded')
    rig.balancer.pool().update('a', { maxSessions: 1, state: 'ready' })
    await until('one to be moved', () => rig.closes.length === 1)
    const [gone = expect.fail('nobody was closed')] = rig.closes
    const again = await rig.connect({ localAddress: gone.clientAddress ?? '' })
    expect(await again.line()).to.equal('a')
    expect(rig.stats.pools[rig.pool]?.rebalance).to.include({ state: 'running', moved: 1, left: guests.length - 1 })
    // With more room the others follow.
    rig.balancer.pool().update('a', { maxSessions: 0 })
    expect(await ended).to.include({ state: 'done', moved: guests.length })
    rig.hangUp()
    await rig.settle()
  })

  it('are left alone unless it is asked for', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, {})
    await guestsOf(rig, 'a')
    let runs = 0
    rig.balancer.on('rebalanceStarted', () => runs++)
    rig.balancer.pool().update('a', { state: 'ready' })
    expect(await (await rig.connect({ localAddress: clientAddress(CLIENTS + 1) })).line()).to.match(/^[ab]$/)
    expect([runs, rig.counters.endClosed]).to.deep.equal([0, 0])
    expect(rig.stats.pools[rig.pool]).not.to.have.property('rebalance')
    rig.hangUp()
    await rig.settle()
  })
})
