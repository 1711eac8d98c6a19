import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { OpenSocket } from './acceptor/open-socket.ts'
import type { ResolvedConfig, ResolvedPool } from './config/resolved.ts'
import { abortError, throwIfAborted } from './errors.ts'
import type { AgentChanged } from './health/agent-monitor.ts'
import type { EjectionChanged } from './health/ejector.ts'
import { type HealthChanged, HealthMonitor } from './health/monitor.ts'
import { WarmUp } from './health/warm-up.ts'
import { Listeners } from './listeners/listeners.ts'
import type { Log } from './log/log.ts'
import { TroubleReport } from './log/trouble.ts'
import { type Destination, mayReach, refuseLoops } from './loop-check.ts'
import type { PoolCore } from './pool/core.ts'
import { LeavingPools } from './pool/leaving.ts'
import { ended, type SessionCounts } from './relay/counters.ts'
import type { Durations } from './relay/durations.ts'
import { Relays, type Served } from './relay/relays.ts'
import type { SessionFeed } from './relay/session-feed.ts'
import { sessionSettings } from './relay/session-settings.ts'
import { assertSources } from './relay/sources.ts'
import { Target } from './relay/target.ts'
import type { LiveSession, SessionFilter } from './sessions/info.ts'

/** What is needed to open a service. */
export interface ServiceParts {
  config: ResolvedConfig
  pools: ReadonlyMap<string, PoolCore>
  /** Listen sockets that are open already, by listener. */
  sockets: ReadonlyMap<string, OpenSocket>
  /** Awaited before the first listener is opened. */
  prepare?: (() => Promise<void>) | undefined
  feed: SessionFeed
  log: Log
  /** Told what goes wrong with a listener after it was opened. */
  failed: (error: Error, listener: string) => void
  /** Told that a backend went up or down. */
  health: HealthChanged
  /** Told what is new of agents. */
  agent: AgentChanged
  /** Told that a backend was ejected, or is back. */
  ejection: EjectionChanged
}

/** How a balancer was closed. */
export interface CloseResult {
  /** Sessions that were live when closing began, or were accepted in its course, and ended by themselves. */
  finished: number
  /** Sessions that were cut. */
  cut: number
}

const AT_ONCE = AbortSignal.abort()
const POLL_MS = 20
/** Cutting takes as long as a relay thread needs for one batch of events. */
const CUT_MS = 1000

/** What is open while a balancer listens: its listeners, and the relays with their sessions. */
export class Service {
  readonly #parts: ServiceParts
  readonly #relays: Relays
  readonly listeners: Listeners
  readonly #poolTargets = new Map<string, Target>()
  readonly #health: HealthMonitor
  readonly #warmUps = new Map<PoolCore, WarmUp>()
  readonly #leaving: LeavingPools
  #trouble: TroubleReport | undefined

  private constructor(parts: ServiceParts) {
    this.#parts = parts
    this.#relays = new Relays(parts.feed, parts.log, parts.config.threads)
    this.listeners = new Listeners({ relays: this.#relays, log: parts.log, failed: parts.failed })
    this.#leaving = new LeavingPools(core => this.#relays.uses(core))
    this.#health = new HealthMonitor(parts.health, parts.ejection, parts.agent)
  }

  /** Looks host names up, checks backends for the first time, binds every listener or none, and serves. */
  static async open(parts: ServiceParts, signal: AbortSignal): Promise<Service> {
    const service = new Service(parts)
    try {
      await assertSources(parts.config.pools.values())
      service.listeners.make(parts.config.listeners, parts.pools)
      await unlessAborted(() => service.#lookUp(), signal)
      await unlessAborted(() => service.#health.start([...parts.pools.values()]), signal)
      // Before: who listens by `net` accepts from then on, also from the socket of a process that goes on and could serve.
      if (parts.prepare !== undefined) await unlessAborted(parts.prepare, signal)
      await unlessAborted(() => service.listeners.bind(parts.sockets), signal)
      refuseLoops(service.listeners.bound(), service.#destinations())
      service.#health.watchSessions(parts.pools.values())
      for (const core of parts.pools.values()) service.#warmUp(core)
      service.listeners.serve()
      service.#trouble = new TroubleReport(parts.log, () => service.counts)
      return service
    } catch (error) {
      await service.#stop()
      throw error
    }
  }

  /** Undefined: there is no such listener. */
  targetOfListener(listener: string): Target | undefined {
    return this.listeners.get(listener)?.target
  }

  /** Where sockets go that are given to a pool, without a listener. */
  targetOfPool(pool: PoolCore): Target {
    const known = this.#poolTargets.get(pool.name)
    if (known !== undefined) return known
    const target = new Target({ pool, session: pool.settings, maxSessions: 0 })
    this.#relays.add(target, 'auto', false)
    this.#poolTargets.set(pool.name, target)
    return target
  }

  serve(target: Target, client: Socket): Served {
    return this.#relays.serve(target, client)
  }

  /** Throws when the backend leads back to its own pool. */
  checkBackend(pool: string, backend: Destination): void {
    const bound = this.listeners.bound()
    if (!mayReach(bound, backend)) return
    const pools = this.#destinations()
    pools.set(pool, [...(pools.get(pool) ?? []).filter(({ name }) => name !== backend.name), backend])
    refuseLoops(bound, pools, { pool, backend: backend.name })
  }

  /** Throws when one of those that a pool will have leads back to it. */
  checkBackends(pool: string, backends: Destination[]): void {
    refuseLoops(this.listeners.bound(), this.#destinations().set(pool, backends))
  }

  /** A backend was added, changed or removed. */
  backendChanged(core: PoolCore, name: string): void {
    this.#health.follow(core, name)
  }

  /** Any backends may have been added, changed or removed. */
  backendsChanged(): void {
    this.#health.followAll()
  }

  /** Other settings of a pool hold; the targets of its listeners are the business of the listeners. */
  poolReconfigured(core: PoolCore, before: ResolvedPool): void {
    this.#health.reconfigure(core, before)
    if (core.settings.slowStart !== before.slowStart) this.#warmUp(core)
    // The next one who gives a socket to the pool makes another.
    const isSame = isDeepStrictEqual(sessionSettings(core.settings), sessionSettings(before))
    if (!isSame) this.#retireTarget(core.name)
  }

  /** Makes ready for sessions what no listener leads to yet; resolves when first checks that traffic waits for are done. */
  async preparePools(cores: readonly PoolCore[]): Promise<void> {
    await Promise.all(cores.map(core => core.prepare()))
    for (const core of cores) core.tableFile?.settle(this.#parts.log)
    await this.#health.start(cores)
  }

  poolAdded(core: PoolCore): void {
    this.#health.watchSessions([core])
    this.#warmUp(core)
  }

  /** Nobody comes to it any more. It is closed when its last session has ended; at once, if it was never in use. */
  poolRemoved(core: PoolCore): void {
    this.#health.drop(core)
    this.#warmUps.get(core)?.stop()
    this.#warmUps.delete(core)
    this.#retireTarget(core.name)
    this.#relays.poolTls.drop(core.name)
    this.#leaving.add(core)
  }

  #retireTarget(pool: string): void {
    const target = this.#poolTargets.get(pool)
    if (target !== undefined) this.#relays.retire(target)
    this.#poolTargets.delete(pool)
  }

  #warmUp(core: PoolCore): void {
    this.#warmUps.get(core)?.stop()
    this.#warmUps.delete(core)
    if (core.settings.slowStart > 0) this.#warmUps.set(core, new WarmUp(core, this.#parts.log))
  }

  /** Sessions that live now. */
  get sessions(): number {
    return this.#relays.sessions
  }

  sessionsOf(listener: string): number {
    const target = this.targetOfListener(listener)
    return target === undefined ? 0 : this.#relays.sessionsOf(target)
  }

  get counts(): SessionCounts {
    return this.#relays.counts
  }

  /** How long things took, since the start. */
  get durations(): Durations {
    return this.#relays.durations
  }

  /** Sessions that live, as they are found. */
  live(filter: SessionFilter): AsyncGenerator<LiveSession> {
    return this.#relays.live(filter)
  }

  /** Stops accepting, waits for sessions, and cuts what is left after `timeoutMs`, or when `hurry` is aborted. */
  async close(timeoutMs: number, hurry: AbortSignal): Promise<CloseResult> {
    // First: a session may end as soon as its client sees that nobody listens any more.
    const before = this.counts
    await this.listeners.close(timeoutMs === 0 ? AT_ONCE : hurry)
    await this.#emptied(timeoutMs, hurry)
    this.#relays.cut()
    await this.#emptied(CUT_MS)
    this.#health.stop()
    for (const one of this.#warmUps.values()) one.stop()
    this.#trouble?.stop()
    this.#relays.stop()
    this.#leaving.close()
    // By what has ended, clients that waited to be accepted included: beside how many live, threads would still accept.
    const after = this.counts
    const cut = after.endShutdown - before.endShutdown
    return { finished: ended(after) - ended(before) - cut, cut }
  }

  async #emptied(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (this.sessions > 0 && performance.now() < deadline && signal?.aborted !== true) {
      // An abort only ends the waiting.
      await sleep(Math.min(POLL_MS, timeoutMs), undefined, { signal }).catch(() => undefined)
    }
  }

  async #lookUp(): Promise<void> {
    const backends = [...this.#parts.pools.values()].map(pool => pool.prepare())
    await Promise.all([this.listeners.lookUp(), ...backends])
  }

  #destinations(): Map<string, Destination[]> {
    const pools = [...this.#parts.pools.values()]
    return new Map(
      pools.map(pool => [
        pool.name,
        [...pool.backends()].map(({ name, address, endpoint }) => ({ name, address: endpoint ?? address })),
      ]),
    )
  }

  async #stop(): Promise<void> {
    this.#health.abandon()
    for (const one of this.#warmUps.values()) one.stop()
    await this.listeners.close(AT_ONCE)
    this.#relays.stop()
  }
}

/** Begins something, unless the signal is aborted; rejects as soon as it is. What was begun ends by itself then. */
export async function unlessAborted<T>(begin: () => Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfAborted(signal)
  return await new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(abortError(signal))
    signal.addEventListener('abort', abort, { once: true })
    begin()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}
