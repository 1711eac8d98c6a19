import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type BackendAddress, formatAddress } from '../config/address.ts'
import type { ResolvedHealth, ResolvedPool } from '../config/resolved.ts'
import type { PoolCore } from '../pool/core.ts'
import type { BackendRecord } from '../pool/records.ts'
import { type AgentChanged, AgentMonitor } from './agent-monitor.ts'
import type { CheckTarget } from './check.ts'
import { Checker } from './checker.ts'
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

/** Checks the backends of all pools that want it, and asks their agents, as long as a balancer listens. */
export class HealthMonitor {
  readonly #gate = new Gate(AT_ONCE)
  readonly #changed: HealthChanged
  readonly #ejected: EjectionChanged
  readonly #pools = new Map<PoolCore, PoolMonitor>()
  readonly #ejectors = new Map<PoolCore, Ejector>()
  readonly #agents: AgentMonitor

  constructor(changed: HealthChanged, ejected: EjectionChanged, agent: AgentChanged) {
    this.#changed = changed
    this.#ejected = ejected
    this.#agents = new AgentMonitor(change => {
      // Who is in maintenance is not checked.
      this.#pools.get(change.core)?.follow(change.backend.name)
      change.core.publishHealth()
      agent(change)
    })
  }

  /** Begins to check and to ask agents; resolves when first checks that traffic waits for, and first answers, are done. */
  async start(cores: readonly PoolCore[]): Promise<void> {
    const first = [this.#agents.start(cores)]
    for (const core of cores) {
      const monitor = new PoolMonitor(core, this.#gate, this.#changed)
      this.#pools.set(core, monitor)
      core.reports.watchHealth()
      monitor.followAll()
      first.push(monitor.firstChecks())
    }
    const stop = new AbortController()
    // An abort only ends the waiting.
    const late = sleep(FIRST_CHECKS_MS, undefined, { signal: stop.signal }).catch(() => undefined)
    await Promise.race([Promise.all(first), late])
    stop.abort()
    for (const core of cores) core.publishHealth()
  }

  /** Other settings of a pool hold now. What was found stays, until checks say otherwise. */
  reconfigure(core: PoolCore, before: Pick<ResolvedPool, 'ejection' | 'agent'>): void {
    this.#agents.reconfigure(core, before)
    this.#pools.get(core)?.followAll()
    if (isDeepStrictEqual(core.settings.ejection, before.ejection)) return
    this.#ejectors.get(core)?.stop()
    this.#ejectors.delete(core)
    this.watchSessions([core])
  }

  /** A pool is gone. */
  drop(core: PoolCore): void {
    this.#pools.get(core)?.stop()
    this.#pools.delete(core)
    this.#agents.drop(core)
    this.#ejectors.get(core)?.stop()
    this.#ejectors.delete(core)
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
    this.#agents.followAll()
  }

  /** A backend was added, changed or removed. */
  follow(core: PoolCore, name: string): void {
    this.#pools.get(core)?.follow(name)
    this.#agents.follow(core, name)
  }

  /** Nobody is followed any more, whatever still changes. */
  stop(): void {
    for (const monitor of [...this.#pools.values(), ...this.#ejectors.values()]) monitor.stop()
    this.#agents.stop()
    this.#pools.clear()
    this.#ejectors.clear()
  }

  /** Stops, and forgets what was found: nothing was opened after all. */
  abandon(): void {
    const cores = [...this.#pools.keys()]
    this.#agents.abandon()
    this.stop()
    for (const core of cores) core.reports.resetHealth()
  }
}

class PoolMonitor {
  readonly #core: PoolCore
  readonly #gate: Gate
  readonly #changed: HealthChanged
  readonly #checkers = new Map<string, Checker>()

  constructor(core: PoolCore, gate: Gate, changed: HealthChanged) {
    this.#core = core
    this.#gate = gate
    this.#changed = changed
  }

  /** Of those whose state they decide. */
  async firstChecks(): Promise<void> {
    const waited = [...this.#checkers.values()].filter(({ settings }) => settings.initial === 'check')
    await Promise.all(waited.map(checker => checker.first))
  }

  followAll(): void {
    const names = [...this.#core.backends()].map(({ name }) => name)
    for (const name of new Set([...this.#checkers.keys(), ...names])) this.follow(name)
  }

  follow(name: string): void {
    const backend = this.#core.backend(name)
    const settings = backend && this.#core.checksOf(backend)
    const isPaused = this.#core.agents.of(name)?.state === 'maint'
    const isChecked = backend !== undefined && settings !== undefined && !isPaused
    const target = isChecked ? targetOf(backend, settings, this.#core.settings) : undefined
    const known = this.#checkers.get(name)
    const isSameTarget = known !== undefined && target !== undefined && isSame(known.target, target)
    const isSameWay =
      isDeepStrictEqual(known?.settings, settings) && isDeepStrictEqual(known?.target.outgoing, target?.outgoing)
    if (isSameTarget && isSameWay) return
    known?.stop()
    this.#checkers.delete(name)
    // Another way to ask the same server: what it said last holds until it is asked.
    if (known !== undefined && !isSameTarget) this.#core.reports.forgetHealth(name)
    if (target === undefined || settings === undefined) return
    const changed = (isUp: boolean, reason: string): void => this.#set(name, isUp, reason)
    const context = { settings, check: checkOf(settings), gate: this.#gate }
    this.#checkers.set(name, new Checker(target, context, changed, this.#found(name)))
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
    const isFirst = this.#core.health.of(backend)?.status === 'unknown'
    this.#core.reports.setHealth(name, isUp, reason)
    this.#changed({ core: this.#core, backend, isUp, isFirst, reason })
  }
}

/** Undefined: there is nothing to check. */
function targetOf(
  backend: BackendRecord,
  settings: ResolvedHealth,
  { sendProxy, source }: ResolvedPool,
): CheckTarget | undefined {
  if (backend.endpoint === undefined || backend.state === 'maint') return undefined
  const { address, endpoint } = backend
  // What is asked elsewhere is most likely not the service itself, and HAProxy sends no header there either.
  const elsewhere = { sendProxy: undefined, sources: source.bind }
  if (settings.address !== undefined)
    return { endpoint: settings.address, hostName: nameIn(settings.address), outgoing: elsewhere }
  const isOwn = settings.port === 0 || endpoint.kind === 'unix'
  const outgoing = isOwn ? { ...elsewhere, sendProxy } : elsewhere
  return { endpoint: isOwn ? endpoint : { ...endpoint, port: settings.port }, hostName: nameIn(address), outgoing }
}

function nameIn(address: BackendAddress): string | undefined {
  return address.kind === 'name' ? address.host : undefined
}

function isSame(left: CheckTarget, right: CheckTarget): boolean {
  return left.hostName === right.hostName && formatAddress(left.endpoint) === formatAddress(right.endpoint)
}
