import type { PoolCore } from '../../pool/core.ts'
import { PoolSwitch } from '../switches/pool-switch.ts'
import { type AdoptedCounts, PoolExceptions, type SharedPin } from './pool-exceptions.ts'

/** The last exceptions that wait to be told; half a megabyte a pool. */
const RING = 16_384
/** How many entries of the table one turn looks through: some 2 µs each at most. */
const LEAST_ENTRIES = 1024
const MOST_ENTRIES = 8192
/** A store that did not take something is not asked again before. */
const LATER_MS = 5000
/** What dropped out of the queue is looked for in the table after so long: more may drop out meanwhile. */
const DROPPED_MS = 1000
/** An exception that is still in use is told so often within its time to live that one turn may fail. */
const RENEWALS = 4

/** What is to be told to the store. */
export type Operation =
  | { kind: 'put'; pool: string; key: string; backend: string; before: string; ttlMs: number }
  | { kind: 'end'; pool: string; key: string; backend: string }

/**
 * Which exceptions are looked for in the table, the more, the further down. `renew`: those in use, so that they last;
 * `roster`: those that came about otherwise than by a client, also of clients that are away; `all`: those of other
 * balancers, too, for a store that knows nothing any more.
 */
const WANTS = ['renew', 'roster', 'all'] as const
export type Wanted = (typeof WANTS)[number]

function isMore(one: Wanted, other: Wanted): boolean {
  return WANTS.indexOf(one) > WANTS.indexOf(other)
}

/** One walk through the table. */
interface Sweep {
  wanted: Wanted
  cursor: number
  /** Those are found that were used since. */
  idleMs: number
}

/** What a pool has to tell other balancers, in portions, and what it takes over from them. */
export class PoolSharing {
  readonly #core: PoolCore
  readonly #exceptions: PoolExceptions
  readonly #ttlMs: number
  /** Entries that the table may have. */
  readonly #size: number
  #waiting: Operation[] = []
  /** Of the table, and not told yet. */
  #found: Operation[] = []
  #dropped = 0
  /** How many had dropped out of the queue when it was looked at last. */
  #noticed = 0
  #sweep: Sweep | undefined
  /** Begins when the one that runs is over. */
  #next: Wanted | undefined
  #later: { wanted: Wanted; at: number } | undefined
  /** The kind of the walk that began last. */
  #last: Wanted = 'renew'
  #renewAt: number
  #renewedAt: number

  /** Undefined: it has no table, and so nothing to share. */
  static of(core: PoolCore): PoolSharing | undefined {
    const { stickTable } = core.settings
    return stickTable === undefined ? undefined : new PoolSharing(core, stickTable)
  }

  private constructor(core: PoolCore, { ttl, size }: { ttl: number; size: number }) {
    this.#core = core
    this.#exceptions = new PoolExceptions(core, RING)
    this.#ttlMs = ttl
    this.#size = size
    this.#renewedAt = performance.now()
    this.#renewAt = this.#renewedAt + this.#period
  }

  get #period(): number {
    return this.#ttlMs / RENEWALS
  }

  /** What waits to be told, and what was lost because there was too much of it. */
  get backlog(): { waiting: number; dropped: number } {
    const { waiting, dropped } = this.#exceptions.backlog()
    return { waiting: waiting + this.#waiting.length + this.#found.length, dropped: dropped + this.#dropped }
  }

  /** Whether the table is looked through for what must not wait. */
  get isUrgent(): boolean {
    const wanted = this.#sweep?.wanted ?? this.#next
    return wanted !== undefined && wanted !== 'renew'
  }

  /** The table is looked through as soon as there is time. */
  want(wanted: Wanted): void {
    if (this.#next === undefined || isMore(wanted, this.#next)) this.#next = wanted
    // What looks for more finds what is left of the one that runs; one of the same kind may have passed by what is new.
    if (this.#sweep !== undefined && isMore(this.#next, this.#sweep.wanted)) this.#sweep = undefined
  }

  /** The store did not take something: the table is looked through once more, in a while. */
  refused(): void {
    const wanted = this.#later?.wanted === 'all' || this.#last === 'all' ? 'all' : 'roster'
    this.#later = { wanted, at: this.#later?.at ?? performance.now() + LATER_MS }
  }

  /** Whether the pool has a backend of this name. */
  knows(backend: string): boolean {
    return this.#core.placeOf(backend) !== undefined
  }

  /**
   * The next operations, `most` of them: what clients did, then what the table has.
   *
   * @param turnMs - about how long it is from turn to turn; undefined: the table is left alone
   */
  take(most: number, turnMs?: number): Operation[] {
    this.#noticeDropped()
    const taken = this.#waiting.splice(0, most)
    if (taken.length < most) taken.push(...this.#events(most - taken.length))
    if (taken.length < most && turnMs !== undefined) {
      if (this.#found.length === 0) this.#found = this.#swept(turnMs)
      taken.push(...this.#found.splice(0, most - taken.length))
    }
    return taken
  }

  /** They could not be told. */
  giveBack(operations: readonly Operation[]): void {
    const all = [...operations, ...this.#waiting]
    this.#waiting = all.slice(-RING)
    this.#dropped += all.length - this.#waiting.length
  }

  /** @param put - tells the store of exceptions; resolves when it has them */
  switchBy(put: (pins: readonly SharedPin[]) => Promise<void>): PoolSwitch {
    return new PoolSwitch(this.#core, this.#exceptions, put)
  }

  /** Takes over what others tell. */
  adopt(pins: readonly SharedPin[]): AdoptedCounts {
    return this.#exceptions.adopt(pins)
  }

  /** Takes over what others had told before this pool told something else, for the next connection of each client. */
  follow(pins: readonly SharedPin[]): AdoptedCounts {
    return this.#exceptions.adopt(pins, { despiteSessions: true })
  }

  /** What dropped out of the queue is in the table yet, if it has not ended. */
  #noticeDropped(): void {
    const { dropped } = this.backlog
    if (dropped === this.#noticed) return
    this.#noticed = dropped
    this.#later ??= { wanted: 'roster', at: performance.now() + DROPPED_MS }
  }

  #events(most: number): Operation[] {
    const pool = this.#core.name
    const events = this.#exceptions.take(most).map((event): Operation => {
      const { key, backend } = event
      if (event.kind === 'ended') return { kind: 'end', pool, key, backend }
      return { kind: 'put', pool, key, backend, before: event.before ?? '', ttlMs: this.#ttlMs }
    })
    if (this.#found.length > 0 && events.length > 0) {
      // What was found before is not so any more.
      const changed = new Set(events.map(({ key }) => key))
      this.#found = this.#found.filter(({ key }) => !changed.has(key))
    }
    return events
  }

  /** A part of the walk that runs, or that is due. */
  #swept(turnMs: number): Operation[] {
    const sweep = this.#sweep ?? this.#begin()
    if (sweep === undefined) return []
    const { wanted, cursor, idleMs } = sweep
    const { pins, next } = this.#exceptions.list(cursor, this.#stride(wanted, turnMs), {
      idleMs: Math.ceil(idleMs),
      withAdopted: wanted === 'all',
    })
    this.#sweep = next === undefined ? undefined : { ...sweep, cursor: next }
    const pool = this.#core.name
    return pins.map(({ key, backend, ttlMs }) => ({ kind: 'put', pool, key, backend, before: '', ttlMs }))
  }

  #begin(): Sweep | undefined {
    const now = performance.now()
    if (this.#later !== undefined && now >= this.#later.at) {
      this.want(this.#later.wanted)
      this.#later = undefined
    }
    const isDue = now >= this.#renewAt
    if (this.#next === undefined && !isDue) return undefined
    const wanted = this.#next ?? 'renew'
    // A walk through a large table may take longer than the period.
    const since = Math.max(this.#period, now - this.#renewedAt) * (1 + 1 / RENEWALS)
    this.#sweep = { wanted, cursor: 0, idleMs: wanted === 'renew' ? since : this.#ttlMs }
    this.#last = wanted
    this.#next = undefined
    this.#renewedAt = now
    this.#renewAt = now + this.#period
    return this.#sweep
  }

  /** Renewal takes half of its period, what is urgent some seconds. */
  #stride(wanted: Wanted, turnMs: number): number {
    const turns = Math.max(1, this.#period / 2 / turnMs)
    const paced = wanted === 'renew' ? this.#size / turns : MOST_ENTRIES
    return Math.min(MOST_ENTRIES, Math.max(LEAST_ENTRIES, Math.ceil(paced)))
  }
}
