import type { ResolvedBackend, ResolvedHealth } from '../config/resolved.ts'
import { type EjectionSettings, Ejections } from '../health/ejections.ts'
import { NativeBackendState } from '../native.ts'

/** What checks say of a backend. */
export interface BackendHealth {
  /** `unknown`: there was no check yet, or there are none for it now. Who is ejected is down, too. */
  status: 'up' | 'down' | 'unknown'
  /** What made it so; absent while it is unknown. */
  reason?: string
  /** Since when, in milliseconds since the epoch; absent while it is unknown. */
  since?: number
  /** Sessions failed there, so that it gets none until then, in milliseconds since the epoch; absent: it is not ejected. */
  ejectedUntil?: number
}

/** Why a backend is ejected, and until when. */
type Ejected = Required<Pick<BackendHealth, 'reason' | 'since' | 'ejectedUntil'>>

/** What the checks of one pool have found, and whether they are believed; and who is ejected. No input or output. */
export class PoolHealth {
  #failOpen: number
  readonly #found = new Map<string, BackendHealth>()
  readonly #ejected = new Map<string, Ejected>()
  readonly #checksOf: (backend: ResolvedBackend) => ResolvedHealth | undefined
  #isWatched = false
  #isOpen = false
  /** Undefined: nobody is ever ejected. */
  ejections: Ejections | undefined

  /**
   * @param failOpen - per cent of the backends that must be up for checks to be believed; 0: they always are
   * @param checksOf - how a backend is checked, if it is
   */
  constructor(
    failOpen: number,
    checksOf: (backend: ResolvedBackend) => ResolvedHealth | undefined,
    ejections?: Ejections,
  ) {
    this.#failOpen = failOpen
    this.#checksOf = checksOf
    this.ejections = ejections
  }

  get isWatched(): boolean {
    return this.#isWatched
  }

  /** Whether so few backends are up that all of them serve. */
  get isFailOpen(): boolean {
    return this.#isOpen
  }

  /** Checks begin: until its first one a backend is what its `initial` says. */
  watch(): void {
    this.#isWatched = true
  }

  /** Other settings; who is ejected stays so, unless nobody is ever ejected now. */
  configure(failOpen: number, ejection: EjectionSettings | undefined): void {
    this.#failOpen = failOpen
    if (ejection === undefined) {
      this.ejections = undefined
      this.#ejected.clear()
    } else if (this.ejections === undefined) this.ejections = new Ejections(ejection)
    else this.ejections.configure(ejection)
  }

  /** As if there had never been a check. */
  reset(): void {
    this.#isWatched = false
    this.#isOpen = false
    this.#found.clear()
    for (const name of this.#ejected.keys()) this.ejections?.forget(name)
    this.#ejected.clear()
  }

  of(backend: ResolvedBackend): BackendHealth | undefined {
    const { name } = backend
    const found = this.#found.get(name)
    const ejected = this.#ejected.get(name)
    if (ejected !== undefined) return { status: 'down', ...ejected, ...(found?.status === 'down' ? found : {}) }
    if (!this.#isWatched || this.#checksOf(backend) === undefined) return undefined
    return found ?? { status: 'unknown' }
  }

  /** What checks found, whoever is ejected; undefined: nothing yet. */
  found(name: string): BackendHealth['status'] | undefined {
    return this.#found.get(name)?.status
  }

  /** A backend is out for so many milliseconds from now on; when it will be back, since the epoch. */
  eject(name: string, reason: string, ms: number): number {
    const since = Date.now()
    const ejectedUntil = Math.round(since + ms)
    this.#ejected.set(name, { reason, since, ejectedUntil })
    return ejectedUntil
  }

  readmit(name: string): void {
    this.#ejected.delete(name)
  }

  set(name: string, isUp: boolean, reason: string): void {
    this.#found.set(name, { status: isUp ? 'up' : 'down', reason, since: Date.now() })
  }

  /** Whether a check says that it is down; who is only ejected keeps its sessions. */
  isFoundDown(name: string): boolean {
    return this.#found.get(name)?.status === 'down'
  }

  /** False: there was nothing to forget. */
  forget(name: string): boolean {
    this.ejections?.forget(name)
    const wasEjected = this.#ejected.delete(name)
    return this.#found.delete(name) || wasEjected
  }

  /** Whether a backend may serve, as far as checks and ejection go. */
  allows(backend: ResolvedBackend): boolean {
    return this.#isOpen || (this.#isUp(backend) && !this.#ejected.has(backend.name))
  }

  /** Looks again whether checks are believed; true: that has changed. */
  review(backends: Iterable<ResolvedBackend>): boolean {
    const before = this.#isOpen
    let [all, up] = [0, 0]
    let hasBackup = false
    for (const backend of backends) {
      const { name, weight, state, backup } = backend
      // Who was taken out by hand does not speak against the checks, and neither does who was not asked yet.
      const isOut = weight === 0 || state === 'maint' || state === 'drain-hard'
      if (isOut || (!this.#found.has(name) && !this.#isUp(backend))) continue
      // Backups stand by for this: where one can serve, that nobody else is up is believed.
      if (backup) {
        hasBackup ||= state === 'ready' && this.#isUp(backend)
        continue
      }
      all++
      if (this.#isUp(backend)) up++
    }
    this.#isOpen = all > 0 && 100 * up < this.#failOpen * all && !(up === 0 && hasBackup)
    return this.#isOpen !== before
  }

  #isUp(backend: ResolvedBackend): boolean {
    const status = this.#found.get(backend.name)?.status
    if (status !== undefined) return status === 'up'
    const initial = this.#isWatched ? this.#checksOf(backend)?.initial : undefined
    return initial === undefined || initial === 'up'
  }
}

/** What a backend may serve: what is wanted of it, and what checks say. */
export function servedBy(backend: ResolvedBackend, health: PoolHealth): number {
  const { state } = backend
  if (state === 'maint' || state === 'drain-hard' || !health.allows(backend)) return NativeBackendState.down
  return state === 'drain' ? NativeBackendState.drain : NativeBackendState.ready
}
