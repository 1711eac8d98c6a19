import type { Announcement, HomeBackend } from './announcement.ts'

/** How often it is looked who has said done. */
const LOOK_MS = 100
/** After something went wrong with an announcement of another. */
const AGAIN_MS = 1000
/** How long an announcement outlives the wait for it: a reload of all balancers, one after the other. */
const ROUND_MS = 5 * 60_000

/** What switches need of the store that balancers share. Methods reject when it is away. */
export interface SwitchStore {
  /** Whether it answers, as far as it is known. */
  readonly isUp: boolean
  /** The balancers that live, as far as it is known; oneself, too. */
  live(): readonly string[]
  /** The newest of a pool come first, and only some are kept. */
  announce(announcement: Announcement, lastsMs: number): Promise<void>
  /** What is announced: ids, by pool, the newest first. */
  announced(): Promise<ReadonlyMap<string, readonly string[]>>
  /** Undefined: it is over, or cannot be read. */
  read(pool: string, id: string): Promise<readonly HomeBackend[] | undefined>
  /** For these announcements of a pool this balancer has told everything. */
  sayDone(pool: string, ids: readonly string[], lastsMs: number): Promise<void>
  /** Resolves when everything is known here that others had told when it was called. */
  caughtUp(): Promise<void>
  /** Who has said so of which, by balancer. */
  done(pool: string): Promise<ReadonlyMap<string, readonly string[]>>
}

/** A pool whose backends change; it is asked often. */
export interface SwitchPool {
  /** Of the backends that it has. */
  readonly digest: string
  readonly backends: readonly HomeBackend[]
  /** Tells the store of all pins that are exceptions with other backends, and are none with those of now. */
  tell(backends: readonly HomeBackend[]): Promise<void>
  /** From now on, of what is pinned here also that is told which is an exception with these backends. */
  tellBeside(backends: readonly HomeBackend[] | undefined): void
}

/** By the monotonic clock; a sleep ends early, and never rejects, when it is aborted. */
export interface SwitchClock {
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface SwitchParts {
  /** What this balancer is called among those of the cluster. */
  id: string
  timeoutMs: number
  store: SwitchStore
  pools: { get(name: string): SwitchPool | undefined }
  clock: SwitchClock
  /** Told what went wrong when another's announcement was answered. It is tried again. */
  failed: (error: Error, pool: string) => void
}

/**
 * Why a change that moves homes goes on: all have said done; the time was up; nobody else is there; the store is away, so
 * that nobody can be told; or the balancer closes.
 */
export type SwitchReason = 'done' | 'timeout' | 'alone' | 'away' | 'closed'

/** How an announcement ended. */
export interface Switched {
  reason: SwitchReason
  /** How long was waited. */
  ms: number
  /** The balancers that had not said done. */
  missing: readonly string[]
}

/** A pool as its announcements find it. */
interface Followed {
  readonly pool: SwitchPool | undefined
  /** What is announced of it. */
  ids: readonly string[]
  /** The backends that it has. */
  held: { digest: string; backends: readonly HomeBackend[] }
  /** Those that it had before. */
  before: readonly HomeBackend[] | undefined
  /** Announcements that are being answered. */
  telling: Set<string>
  told: Set<string>
  /** For what `tellBeside` was called. */
  beside: string
}

/**
 * Changes of the backends of pools, in two steps: what will be is announced, every balancer tells which of its clients stay
 * where they are, and then whoever announced it changes. The others change when they are told to; until then they also
 * tell of clients that are new.
 */
export class Switches {
  readonly #parts: SwitchParts
  #closing = new AbortController()
  readonly #followed = new Map<string, Followed>()

  constructor(parts: SwitchParts) {
    this.#parts = parts
  }

  open(): void {
    this.#closing = new AbortController()
  }

  /** Nobody waits any more, until it is opened again. */
  close(): void {
    this.#closing.abort()
  }

  /** Resolves when the change may be made; never rejects. */
  async announce(announcements: readonly Announcement[]): Promise<Switched> {
    const { store, clock, timeoutMs } = this.#parts
    const began = clock.now()
    const missing = new Set<string>()
    const ended = (reason: SwitchReason): Switched => ({ reason, ms: clock.now() - began, missing: [...missing] })
    if (!store.isUp) return ended('away')
    if (!this.#others()) return ended('alone')
    const over = new AbortController()
    const closing = this.#closing.signal
    const signal = AbortSignal.any([over.signal, closing])
    const late = clock.sleep(timeoutMs, signal).then((): SwitchReason => (closing.aborted ? 'closed' : 'timeout'))
    try {
      return ended(await Promise.race([this.#agree(announcements, missing, signal), late]))
    } catch {
      // With whom nothing can be agreed, nobody waits: exceptions are told when the store is back.
      return ended('away')
    } finally {
      over.abort()
    }
  }

  /** Answers what others have announced; called again and again. Rejects when the store is away. */
  async turn(): Promise<void> {
    const announced = await this.#parts.store.announced()
    for (const name of new Set([...announced.keys(), ...this.#followed.keys()])) {
      this.#follow(name, announced.get(name) ?? [])
    }
  }

  /** Pools have, perhaps, other backends now. */
  changed(): void {
    for (const [name, { ids }] of this.#followed) this.#follow(name, ids)
  }

  async #agree(
    announcements: readonly Announcement[],
    missing: Set<string>,
    signal: AbortSignal,
  ): Promise<SwitchReason> {
    const { store, clock } = this.#parts
    await Promise.all(announcements.map(one => store.announce(one, this.#lastsMs)))
    for (;;) {
      const done = await Promise.all(announcements.map(async ({ pool, id }) => ({ id, by: await store.done(pool) })))
      missing.clear()
      for (const member of store.live()) {
        if (done.some(({ id, by }) => by.get(member)?.includes(id) !== true)) missing.add(member)
      }
      if (missing.size === 0) {
        await store.caughtUp()
        return 'done'
      }
      await clock.sleep(LOOK_MS, signal)
      if (signal.aborted) return 'closed'
    }
  }

  #others(): boolean {
    return this.#parts.store.live().some(member => member !== this.#parts.id)
  }

  get #lastsMs(): number {
    return this.#parts.timeoutMs + ROUND_MS
  }

  #follow(name: string, ids: readonly string[]): void {
    const followed = this.#followedOf(name)
    followed.ids = ids
    for (const id of followed.told) if (!ids.includes(id)) followed.told.delete(id)
    for (const id of ids) {
      if (followed.told.has(id) || followed.telling.has(id)) continue
      followed.telling.add(id)
      void this.#answer(name, id, followed)
    }
    // Where this one is ahead of the others, it is they who have other homes.
    if (ids[0] === followed.held.digest) this.#beside(followed, followed.held.digest, followed.before)
    if (ids.length > 0 || followed.telling.size > 0) return
    this.#beside(followed, '', undefined)
    this.#followed.delete(name)
  }

  #followedOf(name: string): Followed {
    const pool = this.#parts.pools.get(name)
    const held = { digest: pool?.digest ?? '', backends: pool?.backends ?? [] }
    const known = this.#followed.get(name)
    // Another one of the same name has been told nothing.
    if (known === undefined || known.pool !== pool) {
      const followed = {
        pool,
        ids: [],
        held,
        before: undefined,
        telling: new Set<string>(),
        told: new Set<string>(),
        beside: '',
      }
      this.#followed.set(name, followed)
      return followed
    }
    if (known.held.digest !== held.digest) {
      known.before = known.held.backends
      known.held = held
    }
    return known
  }

  #beside(followed: Followed, what: string, backends: readonly HomeBackend[] | undefined): void {
    if (followed.beside === what) return
    followed.beside = what
    followed.pool?.tellBeside(backends)
  }

  async #answer(name: string, id: string, followed: Followed): Promise<void> {
    const { store, clock, failed } = this.#parts
    const { pool } = followed
    try {
      const backends = pool === undefined || pool.digest === id ? undefined : await store.read(name, id)
      if (pool !== undefined && backends !== undefined) {
        // First: whoever comes during the walk may be behind it.
        this.#beside(followed, `to ${id}`, backends)
        await pool.tell(backends)
      }
      // First: another that is answered meanwhile says this one, too.
      followed.told.add(id)
      await store.sayDone(name, [...followed.told], this.#lastsMs)
    } catch (error) {
      followed.told.delete(id)
      failed(error as Error, name)
      await clock.sleep(AGAIN_MS, this.#closing.signal)
    } finally {
      followed.telling.delete(id)
    }
  }
}
