import { isDeepStrictEqual } from 'node:util'
import type { ResolvedBackend } from '../../config/resolved.ts'
import type { FoundContext } from '../../discovery/apply.ts'
import type { Log } from '../../log/log.ts'
import type { PoolCore } from '../../pool/core.ts'
import type { Done } from '../../reload/backends.ts'
import type { PoolOverlay } from '../../state/overlay.ts'
import type { NextBackends } from '../switches/cluster-switches.ts'
import { applyAtStart, applyRoster, rosterBackends } from './apply.ts'
import { EMPTY, type RosterEdit } from './edit.ts'
import { damaged, otherVersion, tooLarge } from './errors.ts'
import { overlayText, type RosterRecord, stampOf } from './record.ts'
import type { RosterOptions, RosterStatus } from './status.ts'
import type { NewRoster, RosterStore } from './store.ts'

/** A roster that could not be used is tried again after so long: a host name may be known then. */
const AGAIN_MS = 5000

/** The store of {@link RosterStore}; tests have another. */
export type OpenStore = Pick<RosterStore, 'isOpen' | 'stamps' | 'read' | 'set' | 'changes'>

/** What the balancer does for its shared rosters. */
export interface RosterOwner {
  /** Whether backends can be changed now. */
  canChange(): boolean
  /** Throws where they cannot. */
  assertCanChange(): void
  /** Those of the configuration. */
  configured(pool: string): readonly ResolvedBackend[]
  /** What is changed of them now; undefined: nothing. */
  changes(core: PoolCore): PoolOverlay | undefined
  /** Resolves when every balancer has told which of its clients stay where they are. Never rejects. */
  beforeChange(changes: readonly NextBackends[]): Promise<void>
  /** Changes backends in a turn of its own, and tells of it. Rejects with what that throws. */
  apply(apply: (context: FoundContext) => Promise<Done[]>): Promise<void>
}

/** What an edit makes. */
export interface Edited {
  /** What the store must call the roster yet. */
  before: string
  next: NewRoster
  /** The backends of the pool then. */
  backends: readonly ResolvedBackend[]
}

/** The roster of one pool: what the store has, and what of it holds here. */
export class SharedRoster {
  readonly core: PoolCore
  readonly #owner: RosterOwner
  readonly #log: Log
  /** The newest that could be read. */
  #record: RosterRecord | undefined
  /** What the store called it when it was looked at last; undefined: it must be looked at. */
  #seen: string | undefined
  /** Why what is there now cannot be read. */
  #fault: string | undefined
  /** That of the backends of the pool. */
  #applied: RosterRecord | undefined
  #isApplying = false
  /** Why it could not be applied, and when it is tried again, by the monotonic clock. */
  #refusal: { stamp: string; message: string; againAt: number } | undefined
  #isLocal = false

  constructor(core: PoolCore, owner: RosterOwner, log: Log) {
    this.core = core
    this.#owner = owner
    this.#log = log
  }

  /** The newest that is known. */
  get record(): RosterRecord | undefined {
    return this.#record
  }

  /** That of the backends of the pool; 0: of none. */
  get version(): number {
    return this.#applied?.version ?? 0
  }

  /** Before the first client: what is changed then was changed here only. */
  begin(): void {
    this.#isLocal = !isDeepStrictEqual(this.#unshared(), EMPTY)
  }

  /** It has to be looked at, whatever it is called. */
  forgetSeen(): void {
    this.#seen = undefined
  }

  changedHere(): void {
    this.#isLocal = true
  }

  isNews(stamp: string | undefined): boolean {
    return this.#seen !== stamp
  }

  status(): RosterStatus {
    const record = this.#record
    const error = this.#fault ?? (this.#applied === record ? undefined : this.#refusal?.message)
    return {
      pool: this.core.name,
      version: this.version,
      newest: record?.version ?? 0,
      ...(record === undefined ? {} : { by: record.by, at: record.at }),
      ...(record?.actor ? { actor: record.actor } : {}),
      isLocal: this.#isLocal,
      ...(error === undefined ? {} : { error }),
    }
  }

  /** Reads what is there now. */
  async learn(store: OpenStore): Promise<void> {
    const { name: pool } = this.core
    const { stamp, record, fault } = await store.read(pool)
    if (fault !== undefined && this.isNews(stamp))
      this.#log.error({ pool, reason: fault }, 'the shared roster cannot be read: the backends stay as they are')
    this.#fault = fault
    const known = this.#record
    const isOlder = fault === undefined && known !== undefined && (record?.version ?? 0) < known.version
    if (isOlder) await this.#tellAgain(store, stamp, known)
    // One that was there before is the same one still, with what was changed here only since.
    else if (record !== undefined && (known === undefined || stampOf(known) !== stamp)) this.#record = record
    // What was told again is looked at again.
    this.#seen = isOlder ? undefined : stamp
  }

  /**
   * What an edit would make of what was learnt last; `same`: nothing would change.
   *
   * @returns undefined: it has to be learnt anew
   */
  edited(edit: RosterEdit, options: RosterOptions, by: string): Edited | 'same' | undefined {
    const { core } = this
    const [record, before] = [this.#record, this.#seen]
    if (before === undefined) return undefined
    if (this.#fault !== undefined && edit.isRebased) throw damaged(core.name, this.#fault)
    const version = Math.max(record?.version ?? 0, versionOf(before))
    const { ifVersion = version, actor = '' } = options
    if (ifVersion !== version) throw otherVersion(core.name, ifVersion, version)
    const old = record?.overlay ?? this.#unshared()
    const overlay = edit.apply(old, this.#configured())
    if (record !== undefined && this.#fault === undefined && isDeepStrictEqual(overlay, old)) return 'same'
    const backends = rosterBackends(core.settings, this.#configured(), overlay)
    const text = overlayText(overlay)
    if (text === undefined) throw tooLarge(core.name)
    return { before, backends, next: { version: version + 1, overlay, text, by, actor, what: edit.what } }
  }

  /** Others tell which of their clients stay where they are, before anybody has these backends. */
  async announce(backends: readonly ResolvedBackend[]): Promise<void> {
    if (this.#hasBackends) await this.#owner.beforeChange([{ core: this.core, backends }])
  }

  /** The store has taken it. */
  made(record: RosterRecord): void {
    this.#record = record
    this.#fault = undefined
    this.#seen = stampOf(record)
  }

  /**
   * Begins to apply what is newer than what holds; what goes wrong is told in the log, and tried again at a later call.
   *
   * @param isServing - before, nobody waits for anything, and it is done when this returns
   */
  follow(isServing: boolean): void {
    const [record, refusal] = [this.#record, this.#refusal]
    if (record === undefined || record === this.#applied || this.#isApplying) return
    if (refusal?.stamp === stampOf(record) && performance.now() < refusal.againAt) return
    if (!isServing) this.#applyAtStart(record)
    else if (this.#owner.canChange()) void this.apply().catch(error => this.#refused(record, error))
  }

  /** Applies the newest that there is when the balancer has time for it. */
  async apply(): Promise<void> {
    const { core } = this
    this.#isApplying = true
    try {
      await this.#owner.apply(async context => {
        const record = this.#record
        // Another turn has done it, or a reload has removed the pool.
        if (record === undefined || core.isRetired || (record === this.#applied && !this.#isLocal)) return []
        const backends = rosterBackends(core.settings, this.#configured(), record.overlay)
        const done = this.#hasBackends ? await applyRoster(core, backends, context) : []
        this.holds(record)
        return done
      })
    } finally {
      this.#isApplying = false
    }
  }

  /** The backends of the pool are those of this one. */
  holds(record: RosterRecord): void {
    this.core.discovery?.override(record.overlay.changed)
    this.#applied = record
    this.#refusal = undefined
    this.#isLocal = false
  }

  /** The backends of the pool are those of the configuration. */
  isConfigured(): void {
    this.#isLocal = false
  }

  /** The store has lost it. */
  async #tellAgain(store: OpenStore, stamp: string, record: RosterRecord): Promise<void> {
    const { name: pool } = this.core
    const text = JSON.stringify(record.overlay)
    const told = await store.set(pool, stamp, { ...record, text, what: 'told again to a store that had lost it' })
    const facts = { pool, version: record.version }
    if (told !== undefined) this.#log.warn(facts, 'the store had lost the shared roster: it is told again')
  }

  /** What was changed here before anything was shared: whoever changes something first shares that, too. */
  #unshared(): PoolOverlay {
    const changes = this.#owner.changes(this.core) ?? EMPTY
    return this.core.discovery === undefined ? changes : { ...EMPTY, changed: changes.changed }
  }

  #configured(): readonly ResolvedBackend[] {
    const { discovery, name } = this.core
    return discovery === undefined ? this.#owner.configured(name) : (discovery.found ?? [])
  }

  /** False: none was found yet. */
  get #hasBackends(): boolean {
    const { discovery } = this.core
    return discovery === undefined || discovery.found !== undefined
  }

  #applyAtStart(record: RosterRecord): void {
    const { core } = this
    try {
      const backends = rosterBackends(core.settings, this.#configured(), record.overlay)
      if (this.#hasBackends) applyAtStart(core, backends)
    } catch (error) {
      this.#refused(record, error as Error)
      return
    }
    this.holds(record)
    this.#log.info({ pool: core.name, version: record.version }, 'backends are those of the shared roster')
  }

  /** Told once, until it is something else. */
  #refused(record: RosterRecord, { message }: Error): void {
    const stamp = stampOf(record)
    const facts = { pool: this.core.name, version: record.version, reason: message }
    if (this.#refusal?.stamp !== stamp || this.#refusal.message !== message)
      this.#log.error(facts, 'the shared roster does not fit: the backends stay as they are')
    this.#refusal = { stamp, message, againAt: performance.now() + AGAIN_MS }
  }
}

/** Also of one that cannot be read, as far as it says so. */
function versionOf(stamp: string): number {
  const version = Number.parseInt(stamp, 10)
  return Number.isSafeInteger(version) ? version : 0
}
