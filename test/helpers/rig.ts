import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import {
  type BackendOptions,
  Balancer,
  type Histogram,
  type ListenerOptions,
  type PoolOptions,
  type SessionClosed,
  type SessionCounts,
  type Stats,
} from '../../src/index.ts'
import { Conn, type Dial, toDial } from './net.ts'
import type { RelayPair } from './relays.ts'
import { Backend } from './servers.ts'
import { until } from './wait.ts'

/** A balancer of a test: one listener, one pool. */
export interface RigSettings {
  backends: readonly (Backend | BackendOptions)[]
  pool?: Omit<PoolOptions, 'backends'>
  listener?: Partial<ListenerOptions>
}

const CHANNEL = 'limpet:session:close'
/** Counted when nobody takes the client, so without a record of the session. */
const WITHOUT_RECORD = [
  'refusedMaxSessions',
  'refusedFdBudget',
  'refusedNoAddress',
  'refusedDenied',
  'refusedProxyUntrusted',
] as const
let rigs = 0

/** A balancer that serves, its clients, and what it told about its sessions. */
export class Rig implements AsyncDisposable {
  readonly balancer: Balancer
  /** What `limpet:session:close` told. */
  readonly closes: SessionClosed[] = []
  readonly pool: string
  #fds = 0
  readonly #backends: readonly Backend[]
  readonly #conns: Conn[] = []
  readonly #listen = (message: unknown): void => {
    const closed = message as SessionClosed
    if (closed.pool === this.pool) this.closes.push(closed)
  }

  private constructor(pair: RelayPair, { backends, pool, listener }: RigSettings) {
    this.pool = `rig${++rigs}`
    this.#backends = backends.filter(backend => backend instanceof Backend)
    this.balancer = new Balancer({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: this.pool, ...pair.listener, ...listener }],
      pools: { [this.pool]: { stickTable: { size: 10_000 }, ...pool, backends: backends.map(settingsOf) } },
      log: { level: 'error' },
    })
  }

  static async open(pair: RelayPair, settings: RigSettings): Promise<Rig> {
    const rig = new Rig(pair, settings)
    await rig.balancer.listen()
    subscribe(CHANNEL, rig.#listen)
    rig.#fds = openFds()
    return rig
  }

  get dial(): Dial {
    return toDial(this.balancer.address())
  }

  get stats(): Stats {
    return this.balancer.stats()
  }

  get counters(): SessionCounts {
    return this.stats.counters
  }

  /** Sessions on each backend, by name. */
  get loads(): Record<string, number> {
    return Object.fromEntries(
      this.balancer
        .pool()
        .backends()
        .map(({ name, sessions }) => [name, sessions]),
    )
  }

  /** A client that is connected to the listener. */
  async connect(from: Dial = {}): Promise<Conn> {
    const conn = await Conn.open({ ...this.dial, ...from })
    this.#conns.push(conn)
    return conn
  }

  /** Every client leaves. */
  hangUp(): void {
    for (const conn of this.#conns) conn.destroy()
  }

  /** Waits for a number of ended sessions, and gives their causes in the order in which they ended. */
  async causes(count: number): Promise<string[]> {
    await until(
      `${count} sessions to end`,
      () => this.closes.length >= count,
      () => this.counters,
    )
    return this.closes.map(({ cause }) => cause)
  }

  /**
   * Everything is back where it was before the first client: sessions, seats, file descriptors; every client is
   * accounted for by exactly one cause, in the counters and in the records.
   */
  async settle(): Promise<void> {
    await until(
      'the sessions to end',
      () => this.stats.sessions === 0,
      () => this.counters,
    )
    await until(
      'the seats to be given back',
      () => this.stats.pools[this.pool]?.seats === 0,
      () => this.stats.pools,
    )
    // What is left of connections is the tests' own ends, which nobody closed.
    for (const conn of [...this.#conns, ...this.#backends.flatMap(({ live }) => [...live])]) conn.destroy()
    await until(
      'the descriptors to be closed',
      () => openFds() <= this.#fds,
      () => [openFds(), this.#fds],
    )
    const { counters, fdBudget, pools } = this.stats
    expect(fdBudget.used, 'descriptors in the budget').to.equal(0)
    expect(
      Object.values(this.loads).every(load => load === 0),
      'no backend has a session',
    ).to.equal(true)
    expect(pools[this.pool]?.outstandingPicks, 'picks that nobody gave back').to.equal(0)
    expectBalanced(this.stats)
    expectDurations(this.stats)
    const ends = endsOf(counters).filter(([name]) => !(WITHOUT_RECORD as readonly string[]).includes(name))
    await until(
      'a record of every session',
      () => this.closes.length + counters.recordsDropped >= sum(ends),
      () => this.closes.length,
    )
    expect(countBy(this.closes.map(({ cause }) => cause)), 'causes of the records').to.deep.equal(
      Object.fromEntries(ends.filter(([, count]) => count > 0)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unsubscribe(CHANNEL, this.#listen)
    this.hangUp()
    await this.balancer.destroy()
  }
}

/** The counters' invariant: every client that was accepted lives, was refused, or has ended. */
export function expectBalanced({ counters, sessions }: Pick<Stats, 'counters' | 'sessions'>): void {
  expect(sessions + sum(endsOf(counters)), 'live + refused + ended').to.equal(counters.accepted)
}

/** Every session that was joined to a backend is in the histograms, and all of them have ended. */
export function expectDurations({ counters, durations }: Pick<Stats, 'counters' | 'durations'>): void {
  for (const [name, { counts }] of Object.entries<Histogram>({ ...durations }))
    expect(
      counts.reduce((total, count) => total + count, 0),
      `durations of each ${name}`,
    ).to.equal(counters.opened)
}

/** All came, were served and ended as they should. */
export function expectAllFinished(counters: SessionCounts, sessions: number): void {
  expect(counters).to.include({ accepted: sessions, opened: sessions, endFinished: sessions })
}

/** Bulk went through pipes, where the relay has them, and the system refused nothing. */
export function expectSpliced(
  { relay }: RelayPair,
  { bytesSpliced, pipesSmall, spliceFallbacks }: SessionCounts,
): void {
  if (relay === 'native') expect(bytesSpliced, 'bytes that were spliced').to.be.greaterThan(0)
  expect([pipesSmall, spliceFallbacks], 'pipes that were too small, and refusals').to.deep.equal([0, 0])
}

/** The counters of which every client ends in one. */
export function endsOf(counters: SessionCounts): [string, number][] {
  return Object.entries(counters).filter(([name]) => /^(refused|end)/.test(name))
}

/** How often each text occurs. */
export function countBy(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1
  return counts
}

/** Descriptors that this process has open. */
export function openFds(): number {
  return readdirSync('/proc/self/fd').length
}

function sum(entries: readonly [string, number][]): number {
  return entries.reduce((total, [, count]) => total + count, 0)
}

function settingsOf(backend: Backend | BackendOptions): BackendOptions {
  return backend instanceof Backend ? { name: backend.name, address: backend.address } : backend
}
