import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { formatAddress } from '../config/address.ts'
import type { ResolvedHealth, ResolvedPool } from '../config/resolved.ts'
import type { PoolCore } from '../pool/core.ts'
import type { BackendRecord } from '../pool/records.ts'
import type { CheckTarget } from './check.ts'
import { Checker, type CheckerContext } from './checker.ts'
import { checkOf } from './checks/index.ts'
import { type EjectionChanged, Ejector } from './ejector.ts'
import { Gate } from './gate.ts'

/** A backend went up or down, as a check said; `isFirst`: there was none before. */
export interface HealthChange {
  core: PoolCore
  backend: BackendRecord
  isUp: boolean
  isFirst: boolean
  reason: string
}

export type HealthChanged = (change: HealthChange) => void

/** Checks that run at one time, of all pools: they take descriptors from the reserve that sessions leave (`kReserve` of native/relay/fd_budget.cc). */
const AT_ONCE = 32
/** Traffic does not wait for first checks for longer than this, however many backends there are. */
const FIRST_CHECKS_MS = 10_000

/** Checks the backends of all pools that want it, as long as a balancer listens. */
export class HealthMonitor {
  readonly #gate = new Gate(AT_ONCE)
  readonly #changed: HealthChanged
  readonly #ejected: EjectionChanged
  readonly #pools = new Map<PoolCore, PoolMonitor>()
  readonly #ejectors = new Map<PoolCore, Ejector>()

  constructor(changed: HealthChanged, ejected: EjectionChanged) {
    this.#changed = changed
    this.#ejected = ejected
  }

  /** Begins to check; resolves when first checks that traffic waits for are done. */
  async start(cores: Iterable<PoolCore>): Promise<void> {
    const first: Promise<void>[] = []
    for (const core of cores) {
      const { health: settings } = core.settings
      if (settings === undefined) continue
      const monitor = new PoolMonitor(core, { settings, check: checkOf(settings), gate: this.#gate }, this.#changed)
      this.#pools.set(core, monitor)
      core.watchHealth(settings.initial === 'up')
      for (const backend of core.backends()) monitor.follow(backend.name)
      if (settings.initial === 'check') first.push(monitor.firstChecks())
    }
    const stop = new AbortController()
    // An abort only ends the waiting.
    const late = sleep(FIRST_CHECKS_MS, undefined, { signal: stop.signal }).catch(() => undefined)
    await Promise.race([Promise.all(first), late])
    stop.abort()
    for (const core of this.#pools.keys()) core.publishHealth()
  }

  /** Other settings hold now. What was found stays, until checks say otherwise. */
  reconfigure(core: PoolCore, before: Pick<ResolvedPool, 'health' | 'ejection'>): void {
    const { health, ejection } = core.settings
    if (!isDeepStrictEqual(health, before.health)) this.#checkAnew(core, health)
    if (isDeepStrictEqual(ejection, before.ejection)) return
    this.#ejectors.get(core)?.stop()
    this.#ejectors.delete(core)
    this.watchSessions([core])
  }

  /** A pool is gone. */
  drop(core: PoolCore): void {
    this.#pools.get(core)?.stop()
    this.#pools.delete(core)
    this.#ejectors.get(core)?.stop()
    this.#ejectors.delete(core)
  }

  #checkAnew(core: PoolCore, settings: ResolvedHealth | undefined): void {
    const old = this.#pools.get(core)
    old?.stop()
    this.#pools.delete(core)
    if (settings === undefined) {
      core.endChecks()
      return
    }
    core.beginChecks(settings.initial === 'up', old === undefined)
    const monitor = new PoolMonitor(core, { settings, check: checkOf(settings), gate: this.#gate }, this.#changed)
    this.#pools.set(core, monitor)
    monitor.followAll()
  }

  /** Sessions begin: from now on those that fail count. */
  watchSessions(cores: Iterable<PoolCore>): void {
    for (const core of cores) {
      const { ejection } = core.settings
      if (ejection !== undefined) this.#ejectors.set(core, new Ejector(core, ejection, this.#ejected))
    }
  }

  /** Backends may have been added, changed or removed while nobody could tell. */
  followAll(): void {
    for (const monitor of this.#pools.values()) monitor.followAll()
  }

  /** A backend was added, changed or removed. */
  follow(core: PoolCore, name: string): void {
    this.#pools.get(core)?.follow(name)
  }

  /** Nobody is followed any more, whatever still changes. */
  stop(): void {
    for (const monitor of [...this.#pools.values(), ...this.#ejectors.values()]) monitor.stop()
    this.#pools.clear()
    this.#ejectors.clear()
  }

  /** Stops, and forgets what was found: nothing was opened after all. */
  abandon(): void {
    const cores = [...this.#pools.keys()]
    this.stop()
    for (const core of cores) core.resetHealth()
  }
}

class PoolMonitor {
  readonly #core: PoolCore
  readonly #context: CheckerContext
  readonly #changed: HealthChanged
  readonly #checkers = new Map<string, Checker>()

  constructor(core: PoolCore, context: CheckerContext, changed: HealthChanged) {
    this.#core = core
    this.#context = context
    this.#changed = changed
  }

  async firstChecks(): Promise<void> {
    await Promise.all([...this.#checkers.values()].map(checker => checker.first))
  }

  followAll(): void {
    const names = [...this.#core.backends()].map(({ name }) => name)
    for (const name of new Set([...this.#checkers.keys(), ...names])) this.follow(name)
  }

  follow(name: string): void {
    const target = targetOf(this.#core.backend(name))
    const known = this.#checkers.get(name)
    if (known !== undefined && target !== undefined && isSame(known.target, target)) return
    known?.stop()
    this.#checkers.delete(name)
    if (known !== undefined) this.#core.forgetHealth(name)
    if (target === undefined) return
    const changed = (isUp: boolean, reason: string): void => this.#set(name, isUp, reason)
    this.#checkers.set(name, new Checker(target, this.#context, changed, this.#found(name)))
  }

  stop(): void {
    for (const checker of this.#checkers.values()) checker.stop()
  }

  /** What checks before these have found; undefined: nothing. */
  #found(name: string): boolean | undefined {
    const status = this.#core.health.found(name)
    return status === undefined ? undefined : status === 'up'
  }

  #set(name: string, isUp: boolean, reason: string): void {
    const backend = this.#core.backend(name)
    if (backend === undefined || this.#core.isClosed) return
    const isFirst = this.#core.health.of(name)?.status === 'unknown'
    this.#core.setHealth(name, isUp, reason)
    this.#changed({ core: this.#core, backend, isUp, isFirst, reason })
  }
}

/** Undefined: there is nothing to check. */
function targetOf(backend: BackendRecord | undefined): CheckTarget | undefined {
  if (backend?.endpoint === undefined || backend.state === 'maint') return undefined
  const { address, endpoint } = backend
  return { endpoint, hostName: address.kind === 'name' ? address.host : undefined }
}

function isSame(left: CheckTarget, right: CheckTarget): boolean {
  return left.hostName === right.hostName && formatAddress(left.endpoint) === formatAddress(right.endpoint)
}
