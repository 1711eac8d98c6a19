import { expect } from 'chai'
import type { QueueStats } from '../../src/index.ts'
import type { Conn } from '../helpers/net.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { type Backend, named, startBackends } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

interface Settings {
  size?: number
  timeout?: string
  seats?: number
  admitPerSecond?: number
}

const QUEUE = { size: 100, timeout: '1h' }

/** One session on each backend, and room to wait. */
async function open(pair: RelayPair, backends: readonly Backend[], settings: Settings = {}): Promise<Rig> {
  const { size = QUEUE.size, timeout = QUEUE.timeout, seats = 1, admitPerSecond = 0 } = settings
  return await Rig.open(pair, {
    backends: backends.map(({ name, address }) => ({ name, address, maxSessions: seats })),
    pool: { limits: { queue: { size, timeout }, admitPerSecond } },
  })
}

function queueOf(rig: Rig): QueueStats | undefined {
  return rig.stats.pools[rig.pool]?.queue
}

/** Clients that wait, one after the other. */
async function waiters(rig: Rig, count: number): Promise<Conn[]> {
  const before = queueOf(rig)?.waiting ?? 0
  const clients: Conn[] = []
  for (let i = 1; i <= count; i++) {
    clients.push(await rig.connect())
    await untilWaiting(rig, before + i)
  }
  return clients
}

async function untilWaiting(rig: Rig, count: number): Promise<void> {
  await until(
    `${count} to wait`,
    () => queueOf(rig)?.waiting === count,
    () => rig.stats,
  )
}

async function served(rig: Rig): Promise<Conn> {
  const client = await rig.connect()
  await client.line()
  return client
}

forEachRelay('the queue of a pool whose backends are full', pair => {
  it('serves first who came first, and reads nothing of those who wait', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await open(pair, backends.all)
    let current = await served(rig)
    const clients = await waiters(rig, 6)
    await Promise.all(clients.map(async client => await client.send('before its turn\n')))
    expect(rig.counters.bytesToBackend).to.equal(0)
    expect(backends.all[0]?.accepted).to.equal(1)
    for (const [at, client] of clients.entries()) {
      current.finish()
      expect(await client.line()).to.equal('a')
      expect(await client.line()).to.equal('before its turn')
      expect(queueOf(rig)).to.include({ waiting: clients.length - at - 1, waited: clients.length })
      current = client
    }
    expect(backends.all[0]?.most).to.be.at.most(2)
    expect(rig.counters).to.include({ refusedPoolFull: 0, refusedQueueFull: 0, refusedQueueTimeout: 0 })
    expect(queueOf(rig)?.waitedMs).to.be.greaterThan(0)
    rig.hangUp()
    await rig.settle()
  })

  it('closes who has waited too long', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await open(pair, backends.all, { timeout: '300ms' })
    const current = await served(rig)
    const began = performance.now()
    const clients = await Promise.all([rig.connect(), rig.connect(), rig.connect()])
    await Promise.all(clients.map(async client => await client.over()))
    expect(performance.now() - began).to.be.greaterThan(290)
    expect(rig.counters).to.include({ opened: 1, refusedQueueTimeout: 3 })
    expect(queueOf(rig)).to.include({ waiting: 0, waited: 3, timedOut: 3 })
    current.destroy()
    await rig.settle()
  })

  it('refuses at once who finds it full', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await open(pair, backends.all, { size: 2 })
    const current = await served(rig)
    const [first] = await waiters(rig, 2)
    for (let i = 0; i < 5; i++) await (await rig.connect()).over()
    expect(rig.counters).to.include({ opened: 1, refusedQueueFull: 5, refusedPoolFull: 0 })
    expect(queueOf(rig)).to.include({ waiting: 2, refused: 5 })
    current.finish()
    expect(await first?.line()).to.equal('a')
    rig.hangUp()
    await rig.settle()
  })

  it('forgets at once who leaves, by a FIN or a reset', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await open(pair, backends.all)
    const current = await served(rig)
    const [ends, resets, stays] = await waiters(rig, 3)
    ends?.finish()
    await untilWaiting(rig, 2)
    resets?.reset()
    await untilWaiting(rig, 1)
    expect(rig.counters.endClientGone).to.equal(2)
    expect(queueOf(rig)?.left).to.equal(2)
    current.finish()
    expect(await stays?.line()).to.equal('a')
    rig.hangUp()
    await rig.settle()
    expect(backends.all[0]?.accepted).to.equal(2)
  })

  it('keeps who waits when a server is gone, whose seat is free now', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends.all)
    const current = new Map<string, Conn>()
    for (const client of [await rig.connect(), await rig.connect()]) current.set(await client.line(), client)
    const clients = await waiters(rig, 3)
    const turns: Promise<void>[] = []
    const names: string[] = []
    for (const client of clients) {
      const turn = client.line().then(name => {
        names.push(name)
        client.destroy()
      })
      turns.push(turn)
    }
    await backends.all[0]?.kill()
    await until('its connects to fail', () => rig.counters.connectRefused >= 5)
    expect(rig.counters.refusedNoBackend).to.equal(0)
    current.get('b')?.destroy()
    await Promise.all(turns)
    expect(names).to.deep.equal(['b', 'b', 'b'])
    rig.hangUp()
    await rig.settle()
  })

  it('serves who waits when a backend is there again, has more room, or is added', async () => {
    await using backends = await startBackends(['a', 'b', 'c'], named)
    const [, , c] = backends.all
    await using rig = await open(pair, backends.all.slice(0, 2))
    const pool = rig.balancer.pool()
    pool.update('b', { state: 'maint' })
    const current = await served(rig)
    const clients = await waiters(rig, 4)
    const lines = clients.map(async client => await client.line())
    pool.update('b', { state: 'ready' })
    expect(await lines[0]).to.equal('b')
    pool.update('a', { maxSessions: 2 })
    expect(await lines[1]).to.equal('a')
    expect(queueOf(rig)?.waiting).to.equal(2)
    pool.add({ name: 'c', address: c?.address ?? '' })
    expect(await Promise.all(lines.slice(2))).to.deep.equal(['c', 'c'])
    expect(rig.loads).to.deep.equal({ a: 2, b: 1, c: 2 })
    current.destroy()
    rig.hangUp()
    await rig.settle()
  })

  it('is also for those whom the limit of the pool keeps out, who are refused without it', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    const limits = { queue: { size: 1, timeout: '1h' } }
    await using rig = await Rig.open(pair, { backends: backends.all, pool: { maxSessions: 1, limits } })
    const first = await served(rig)
    const [second] = await waiters(rig, 1)
    const third = await rig.connect()
    await third.over()
    first.finish()
    await first.over()
    expect(await second?.line()).to.match(/^[ab]/)
    expect(rig.stats.counters.refusedQueueFull).to.equal(1)
  })

  it('lets those who wait come no faster than admitPerSecond', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await open(pair, backends.all, { admitPerSecond: 10 })
    const current = await served(rig)
    const clients = await waiters(rig, 6)
    const began = performance.now()
    rig.balancer.pool().update('a', { maxSessions: 0 })
    await Promise.all(clients.map(async client => await client.line()))
    expect(performance.now() - began).to.be.greaterThan(450)
    expect(rig.stats.pools[rig.pool]?.held).to.be.greaterThan(0)
    current.destroy()
    rig.hangUp()
    await rig.settle()
  })

  it('serves a crowd through few seats, whoever leaves meanwhile', async () => {
    const count = 120
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends.all, { seats: 3, size: count })
    const lines = await Promise.all(
      Array.from({ length: count }, async (_, at) => {
        const client = await rig.connect()
        if (at % 5 === 0) {
          client.reset()
          return undefined
        }
        const line = await client.line()
        client.finish()
        return line
      }),
    )
    expect(lines.filter(line => line !== undefined)).to.have.lengthOf(count - count / 5)
    rig.hangUp()
    await rig.settle()
    expect(queueOf(rig)).to.include({ waiting: 0, timedOut: 0, refused: 0 })
    expect(rig.counters).to.include({ refusedPoolFull: 0, refusedNoBackend: 0 })
  })

  it('ends those who wait when the balancer is destroyed', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await open(pair, backends.all)
    await served(rig)
    const clients = await waiters(rig, 5)
    const { pool } = rig
    await rig.balancer.destroy()
    await Promise.all(clients.map(async client => await client.over()))
    expect(rig.closes.filter(closed => closed.pool === pool && closed.cause === 'endShutdown')).to.have.lengthOf(6)
  })

  it('serves those who wait while the balancer closes, as long as it may', async () => {
    await using backends = await startBackends(['a'], named)
    await using rig = await open(pair, backends.all)
    const current = await served(rig)
    const [client] = await waiters(rig, 1)
    const closing = rig.balancer.close({ timeoutMs: 60_000 })
    current.finish()
    expect(await client?.line()).to.equal('a')
    client?.finish()
    await closing
    expect(rig.closes.map(({ cause }) => cause)).to.deep.equal(['endFinished', 'endFinished'])
  })
})
