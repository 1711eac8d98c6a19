import { randomInt } from 'node:crypto'
import { describeBackend } from '../config/describe.ts'
import { discoveryText, type ResolvedDiscovery } from '../config/discovery.ts'
import type { BackendChanges } from '../config/options.ts'
import { resolveBackend, resolveBackendChanges } from '../config/resolve.ts'
import type { ResolvedBackend } from '../config/resolved.ts'
import { LIMITS } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { changedBackend } from '../pool/membership.ts'
import { overlayOf, type PoolOverlay } from '../state/overlay.ts'
import { DnsSource } from './dns-source.ts'
import { DiscoveryFailure, FAILURE_KINDS, type FailureKind } from './failure.ts'
import { FILE_EVERY_MS, FileSource } from './file-source.ts'
import type { DiscoverySource, Found } from './found.ts'

/** How the backends of a pool are found. Plain data. */
export interface DiscoveryStatus {
  /** Where, like `dns SRV _redis._tcp.example.com` or `file /etc/limpet/redis.yaml`. */
  source: string
  /** Backends that were found the last time that it went well, or were kept from before the start. */
  found: number
  /** Whether the last look went well: what it found are the backends. */
  isFresh: boolean
  /** When it last went well, in milliseconds since the epoch; absent: never. */
  lastSuccess?: number
  /** Milliseconds since then; absent: it never went well. */
  ageMs?: number
  /** Milliseconds until it is looked again; absent: nobody looks. */
  nextInMs?: number
  /** What went wrong the last time, or could not be used; absent: nothing. */
  error?: string
  /** Looks that went well. */
  succeeded: number
  /** Those that did not, by what went wrong. */
  failed: Record<FailureKind, number>
  /** How often backends were changed by what was found. */
  changes: number
}

/** What was changed of backends that are away is kept of so many. */
const MOST_OVERRIDES = LIMITS.backends
const NEVER = new AbortController().signal

/**
 * The backends of one pool, as a source finds them. What was found last stays until something else is found that can be believed.
 * What an operator has changed of a backend holds for its name, also when it was away meanwhile.
 */
export class Discovery {
  readonly settings: ResolvedDiscovery
  readonly #pool: string
  readonly #source: DiscoverySource
  readonly #log: Log
  #good: Found | undefined
  /** What operators changed, by name, the latest last. */
  readonly #overrides = new Map<string, BackendChanges>()
  #lastSuccess: { at: number; clock: number } | undefined
  #error: string | undefined
  #isFresh = false
  /** In a row. */
  #failures = 0
  #succeeded = 0
  readonly #failed: Record<FailureKind, number> = Object.fromEntries(FAILURE_KINDS.map(kind => [kind, 0])) as Record<
    FailureKind,
    number
  >
  #changes = 0
  /** When it is looked again, by the monotonic clock. */
  nextAt: number | undefined

  constructor(pool: string, settings: ResolvedDiscovery, log: Log) {
    this.#pool = pool
    this.settings = settings
    this.#log = log
    this.#source = settings.kind === 'dns' ? new DnsSource(settings) : new FileSource(settings)
  }

  /** What was found the last time that it went well; undefined: nothing yet. */
  get found(): readonly ResolvedBackend[] | undefined {
    return this.#good?.backends
  }

  /**
   * Looks what there is. Undefined: nothing that can be believed, which is counted and told.
   *
   * @param isUrgent - somebody waits for the newest
   * @throws the reason of the signal
   */
  async look(signal: AbortSignal = NEVER, isUrgent = false): Promise<Found | undefined> {
    try {
      const known = new Map(this.found?.map(({ name, address }) => [name, address]))
      const found = await this.#source.look(known, signal, isUrgent)
      this.#assertCount(found)
      return found
    } catch (error) {
      if (!(error instanceof DiscoveryFailure)) throw error
      this.failed(error)
      return undefined
    }
  }

  /** Whether it is another set than the one that was believed last. */
  isNews(found: Found): boolean {
    return found !== this.#good
  }

  /** What was found are the backends now. */
  believe(found: Found, hasChanged: boolean): void {
    this.#good = found
    this.#lastSuccess = { at: Date.now(), clock: performance.now() }
    this.#succeeded++
    if (hasChanged) this.#changes++
    const [trouble, ...others] = found.troubles
    const error = trouble && `${trouble}${others.length === 0 ? '' : `, and ${others.length} more`}`
    if (error !== undefined && error !== this.#error)
      this.#log.warn({ pool: this.#pool, reason: error }, 'a part of the discovery failed')
    else if (this.#failures > 0)
      this.#log.info({ pool: this.#pool, found: found.backends.length }, 'discovery works again')
    this.#error = error
    this.#failures = 0
    this.#isFresh = true
  }

  /** What was found cannot be the backends, or nothing was. */
  failed(failure: DiscoveryFailure): void {
    this.#failed[failure.kind]++
    const isNew = failure.message !== this.#error
    this.#error = failure.message
    this.#failures++
    this.#isFresh = false
    // Told once, until it is something else.
    const line = { pool: this.#pool, source: discoveryText(this.settings), reason: failure.message }
    if (isNew) this.#log.warn(line, 'discovery failed: the backends stay as they are')
    else this.#log.debug(line, 'discovery failed again')
  }

  /** Milliseconds until it should be looked again. */
  delay(): number {
    const { settings } = this
    if (settings.kind === 'file') return FILE_EVERY_MS
    const { min, max } = settings.refresh
    const wanted = this.#failures > 0 ? min * 2 ** Math.min(this.#failures - 1, 20) : (this.#good?.ttlMs ?? 0)
    const base = Math.min(max, Math.max(min, wanted))
    return base + randomInt(1 + Math.floor((base * settings.jitter) / 100))
  }

  /** What was found, with what operators changed; `current`: the backends of the pool as they are. */
  members(found: readonly ResolvedBackend[], current: Iterable<ResolvedBackend>): ResolvedBackend[] {
    this.#remember(current)
    return this.#overridden(found)
  }

  /** From now on this is what operators changed, and nothing else. */
  override(changed: Readonly<Record<string, BackendChanges>>): void {
    this.#overrides.clear()
    for (const [name, changes] of Object.entries(changed)) this.#override(name, changes)
  }

  /** What operators changed is forgotten. */
  forget(): void {
    this.#overrides.clear()
  }

  /** What is to be kept for the next start: what was found, and what was changed of it. Undefined: nothing was found yet. */
  overlay(current: Iterable<ResolvedBackend>): PoolOverlay | undefined {
    if (this.#good === undefined) return undefined
    this.#remember(current)
    return {
      added: this.#good.backends.map(describeBackend),
      changed: Object.fromEntries(this.#overrides),
      removed: [],
    }
  }

  /**
   * Takes what was kept: what was changed of backends, and, while nothing was found, the backends themselves.
   *
   * @returns the backends of the pool
   */
  restore({ added, changed }: PoolOverlay): ResolvedBackend[] {
    for (const [name, changes] of Object.entries(changed)) this.#override(name, changes)
    this.adopt(added.map(options => resolveBackend(options)))
    return this.#overridden(this.found ?? [])
  }

  /** While nothing is found, these are the backends. */
  adopt(backends: readonly ResolvedBackend[]): void {
    this.#good ??= { backends, ttlMs: 0, troubles: [] }
  }

  status(): DiscoveryStatus {
    const last = this.#lastSuccess
    const now = performance.now()
    return {
      source: discoveryText(this.settings),
      found: this.found?.length ?? 0,
      isFresh: this.#isFresh,
      ...(last === undefined ? {} : { lastSuccess: last.at, ageMs: Math.round(now - last.clock) }),
      ...(this.nextAt === undefined ? {} : { nextInMs: Math.max(0, Math.round(this.nextAt - now)) }),
      ...(this.#error === undefined ? {} : { error: this.#error }),
      succeeded: this.#succeeded,
      failed: { ...this.#failed },
      changes: this.#changes,
    }
  }

  #assertCount({ backends }: Found): void {
    const { length } = backends
    const { minBackends } = this.settings
    const count = `${length} backend${length === 1 ? '' : 's'}`
    if (length < minBackends) throw new DiscoveryFailure('count', `${count} found, and minBackends is ${minBackends}`)
    if (length > LIMITS.backends)
      throw new DiscoveryFailure('count', `${count} found, and a pool holds ${LIMITS.backends}`)
  }

  /** What differs from what was found is what operators have changed. */
  #remember(current: Iterable<ResolvedBackend>): void {
    const all = [...current]
    const changed = new Map(Object.entries(overlayOf(this.found ?? [], all)?.changed ?? {}))
    for (const { name } of all) {
      const changes = changed.get(name)
      if (changes === undefined) this.#overrides.delete(name)
      else this.#override(name, changes)
    }
  }

  #overridden(found: readonly ResolvedBackend[]): ResolvedBackend[] {
    return found.map(backend => {
      const changes = this.#overrides.get(backend.name)
      return changes === undefined ? backend : changedBackend(backend, resolveBackendChanges(changes))
    })
  }

  #override(name: string, changes: BackendChanges): void {
    this.#overrides.delete(name)
    this.#overrides.set(name, changes)
    const [oldest] = this.#overrides.keys()
    if (this.#overrides.size > MOST_OVERRIDES && oldest !== undefined) this.#overrides.delete(oldest)
  }
}
