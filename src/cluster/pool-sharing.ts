import type { PoolCore } from '../pool/core.ts'
import { type AdoptedCounts, PoolExceptions, type SharedPin } from './pool-exceptions.ts'
import { PoolSwitch } from './pool-switch.ts'

/** The last exceptions that wait to be told; half a megabyte a pool. */
const RING = 16_384
/** How many entries of the table one turn looks through: some 2 µs each at most. */
const LEAST_ENTRIES = 1024
const MOST_ENTRIES = 8192
/** A store that did not take something is not asked again before. */
const LATER_MS = 5000
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

/** One walk through the table. */
interface Sweep {
  wanted: Wanted
  cursor: number
}

/** What a pool has to tell other balancers, in portions, and what it takes over from them. */
export class PoolSharing {
  readonly #core: PoolCore
  readonly #exceptions: PoolExceptions
  readonly #ttlMs: number
  /** That the table may have. */
  readonly #size: number
  #waiting: Operation[] = []
  #sweep: Sweep | undefined
  /** Begins when the one that runs is over. */
  #next: Wanted | undefined
  #later: { wanted: Wanted; at: number } | undefined
  #renewAt: number

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
    this.#renewAt = performance.now() + this.#period
  }

  get #period(): number {
    return this.#ttlMs / RENEWALS
  }

  /** What waits to be told, and what was lost because there was too much of it. */
  get backlog(): { waiting: number; dropped: number } {
    const { waiting, dropped } = this.#exceptions.backlog()
    return { waiting: waiting + this.#waiting.length, dropped }
  }

  /** The table is looked through as soon as there is time. */
  want(wanted: Wanted): void {
    const strongest = Math.max(WANTS.indexOf(wanted), WANTS.indexOf(this.#next ?? 'renew'))
    this.#next = WANTS[strongest]
  }

  /** As {@link PoolSharing.want}, in a while. */
  wantLater(wanted: Wanted): void {
    this.#later ??= { wanted, at: performance.now() + LATER_MS }
  }

  /** The next operations, up to `most` of what clients did, and somewhat more of what the table has. */
  take(most: number, turnMs: number): Operation[] {
    const taken = this.#waiting.splice(0, most)
    if (taken.length < most) taken.push(...this.#events(most - taken.length))
    if (taken.length < most) taken.push(...this.#swept(turnMs))
    return taken
  }

  /** They could not be told. */
  giveBack(operations: readonly Operation[]): void {
    this.#waiting = [...operations, ...this.#waiting].slice(0, RING)
  }

  /** @param put - tells the store of exceptions; resolves when it has them */
  switchBy(put: (pins: readonly SharedPin[]) => Promise<void>): PoolSwitch {
    return new PoolSwitch(this.#core, this.#exceptions, put)
  }

  adopt(pins: readonly SharedPin[]): AdoptedCounts {
    return this.#exceptions.adopt(pins)
  }

  #events(most: number): Operation[] {
    const pool = this.#core.name
    return this.#exceptions.take(most).map((event): Operation => {
      const { key, backend } = event
      if (event.kind === 'ended') return { kind: 'end', pool, key, backend }
      return { kind: 'put', pool, key, backend, before: event.before ?? '', ttlMs: this.#ttlMs }
    })
  }

  /** A part of the walk that runs, or that is due. */
  #swept(turnMs: number): Operation[] {
    const sweep = this.#sweep ?? this.#begin()
    if (sweep === undefined) return []
    const { wanted, cursor } = sweep
    const idleMs = wanted === 'renew' ? this.#period * (1 + 1 / RENEWALS) : this.#ttlMs
    const { pins, next } = this.#exceptions.list(cursor, this.#stride(wanted, turnMs), {
      idleMs: Math.ceil(idleMs),
      withAdopted: wanted === 'all',
    })
    this.#sweep = next === undefined ? undefined : { wanted, cursor: next }
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
    this.#sweep = { wanted: this.#next ?? 'renew', cursor: 0 }
    this.#next = undefined
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
