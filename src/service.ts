import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Acceptor } from './acceptor/acceptor.ts'
import { chooseAcceptor } from './acceptor/choose.ts'
import { filterOf } from './acceptor/filter.ts'
import { NativeAcceptor } from './acceptor/native-acceptor.ts'
import { NetAcceptor } from './acceptor/net-acceptor.ts'
import type { OpenSocket } from './acceptor/open-socket.ts'
import { formatAddress } from './config/address.ts'
import type { ResolvedConfig, ResolvedListener } from './config/resolved.ts'
import { abortError, throwIfAborted } from './errors.ts'
import type { AgentChanged } from './health/agent-monitor.ts'
import type { EjectionChanged } from './health/ejector.ts'
import { type HealthChanged, HealthMonitor } from './health/monitor.ts'
import { WarmUp } from './health/warm-up.ts'
import type { Log } from './log/log.ts'
import { TroubleReport } from './log/trouble.ts'
import { type BoundListener, boundAddress, type Destination, mayReach, refuseLoops } from './loop-check.ts'
import type { PoolCore } from './pool/core.ts'
import { ended, type SessionCounts } from './relay/counters.ts'
import type { Durations } from './relay/durations.ts'
import { Relays, type Served } from './relay/relays.ts'
import type { SessionFeed } from './relay/session-feed.ts'
import { POOL_TARGET, Target } from './relay/target.ts'
import type { LiveSession, SessionFilter } from './sessions/info.ts'

/** What is needed to open a service. */
export interface ServiceParts {
  config: ResolvedConfig
  pools: ReadonlyMap<string, PoolCore>
  /** Listen sockets that are open already, by listener. */
  sockets: ReadonlyMap<string, OpenSocket>
  /** Awaited before the first client is served. */
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

interface OpenListener {
  acceptor: Acceptor
  target: Target
}

const AT_ONCE = AbortSignal.abort()
const POLL_MS = 20
/** Cutting takes as long as a relay thread needs for one batch of events. */
const CUT_MS = 1000

/** What is open while a balancer listens: its listeners, and the relays with their sessions. */
export class Service {
  readonly #parts: ServiceParts
  readonly #relays: Relays
  readonly #listeners = new Map<string, OpenListener>()
  readonly #poolTargets = new Map<string, Target>()
  readonly #health: HealthMonitor
  #warmUps: readonly WarmUp[] = []
  #trouble: TroubleReport | undefined

  private constructor(parts: ServiceParts) {
    this.#parts = parts
    this.#relays = new Relays(parts.feed, parts.log, parts.config.threads)
    this.#health = new HealthMonitor(parts.health, parts.ejection, parts.agent)
  }

  #makeListeners(): void {
    const { config, pools } = this.#parts
    for (const settings of config.listeners) {
      const pool = pools.get(settings.pool)
      if (pool === undefined) throw new RangeError(`the listener ${settings.name} has no pool`)
      const target = new Target(settings.name, pool, { ...settings, filter: filterOf(settings) })
      this.#listeners.set(settings.name, { acceptor: this.#acceptorOf(settings, target), target })
    }
  }

  #acceptorOf(settings: ResolvedListener, target: Target): Acceptor {
    if (chooseAcceptor(settings) === 'native') return new NativeAcceptor(settings, this.#relays.addAccepting(target))
    return new NetAcceptor(settings, {
      serve: client => this.serve(target, client),
      failed: error => this.#parts.failed(error, settings.name),
    })
  }

  /** Looks host names up, checks backends for the first time, binds every listener or none, and serves. */
  static async open(parts: ServiceParts, signal: AbortSignal): Promise<Service> {
    const service = new Service(parts)
    try {
      service.#makeListeners()
      await unlessAborted(() => service.#lookUp(), signal)
      await unlessAborted(() => service.#health.start([...parts.pools.values()]), signal)
      await unlessAborted(() => service.#bind(), signal)
      service.#checkLoops()
      service.#health.watchSessions(parts.pools.values())
      const slow = [...parts.pools.values()].filter(({ settings }) => settings.slowStart > 0)
      service.#warmUps = slow.map(core => new WarmUp(core, parts.log))
      if (parts.prepare !== undefined) await unlessAborted(parts.prepare, signal)
      service.#serveAll()
      service.#trouble = new TroubleReport(parts.log, () => service.counts)
      return service
    } catch (error) {
      await service.#stop()
      throw error
    }
  }

  address(listener: string): AddressInfo | string | null {
    return this.#listeners.get(listener)?.acceptor.address() ?? null
  }

  /** Listen sockets that are open, by listener. They stay its own. */
  sockets(): Map<string, OpenSocket> {
    const open = [...this.#listeners].filter(([, { acceptor }]) => acceptor.fd >= 0)
    return new Map(open.map(([name, { acceptor }]) => [name, { fd: acceptor.fd, isShared: acceptor.isShared }]))
  }

  /** The listeners whose listen sockets another process has been given: closing leaves who waits in the queue to that one. */
  passed(listeners: ReadonlySet<string>): void {
    for (const [name, { acceptor }] of this.#listeners) acceptor.isPassed = listeners.has(name)
  }

  /** Undefined: there is no such listener. */
  targetOfListener(listener: string): Target | undefined {
    return this.#listeners.get(listener)?.target
  }

  /** Where sockets go that are given to a pool, without a listener. */
  targetOfPool(pool: PoolCore): Target {
    const known = this.#poolTargets.get(pool.name)
    if (known !== undefined) return known
    const target = new Target(undefined, pool, POOL_TARGET)
    this.#relays.add(target, 'auto', false)
    this.#poolTargets.set(pool.name, target)
    return target
  }

  serve(target: Target, client: Socket): Served {
    return this.#relays.serve(target, client)
  }

  /** Throws when the backend leads back to its own pool. */
  checkBackend(pool: string, backend: Destination): void {
    const bound = this.#bound()
    if (!mayReach(bound, backend)) return
    const pools = this.#destinations()
    pools.set(pool, [...(pools.get(pool) ?? []).filter(({ name }) => name !== backend.name), backend])
    refuseLoops(bound, pools, { pool, backend: backend.name })
  }

  /** A backend was added, changed or removed. */
  backendChanged(core: PoolCore, name: string): void {
    this.#health.follow(core, name)
  }

  /** Any backends may have been added, changed or removed. */
  backendsChanged(): void {
    this.#health.followAll()
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
    await this.#closeListeners(timeoutMs === 0 ? AT_ONCE : hurry)
    await this.#emptied(timeoutMs, hurry)
    this.#relays.cut()
    await this.#emptied(CUT_MS)
    this.#health.stop()
    for (const one of this.#warmUps) one.stop()
    this.#trouble?.stop()
    this.#relays.stop()
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
    const listeners = [...this.#listeners.values()].map(({ acceptor }) => acceptor.lookUp())
    const backends = [...this.#parts.pools.values()].map(pool => pool.prepare())
    await Promise.all([...listeners, ...backends])
  }

  async #bind(): Promise<void> {
    const { sockets } = this.#parts
    const listening = [...this.#listeners].map(([name, { acceptor }]) => acceptor.listen(sockets.get(name)))
    const results = await Promise.allSettled(listening)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  #checkLoops(): void {
    refuseLoops(this.#bound(), this.#destinations())
  }

  #serveAll(): void {
    const { log } = this.#parts
    for (const { acceptor, target } of this.#listeners.values()) {
      const hasOptions = acceptor.setOptions(target.pool.settings.timeouts.keepalive)
      if (acceptor instanceof NetAcceptor) this.#relays.add(target, acceptor.settings.relay, hasOptions)
    }
    for (const { acceptor } of this.#listeners.values()) acceptor.accept()
    for (const { name, pool, ...listener } of this.#bound()) {
      const address = boundAddress(listener)
      const open = this.#listeners.get(name)
      const acceptor = open?.acceptor instanceof NativeAcceptor ? 'native' : 'net'
      const relay = open?.target.nativeId === undefined ? 'stream' : 'native'
      log.info({ listener: name, address: address && formatAddress(address), pool, acceptor, relay }, 'listening')
    }
  }

  #bound(): BoundListener[] {
    return [...this.#listeners].map(([name, { acceptor, target }]) => ({
      name,
      pool: target.pool.name,
      bind: acceptor.settings.bind,
      address: acceptor.address(),
    }))
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

  async #closeListeners(hurry: AbortSignal): Promise<void> {
    await Promise.all([...this.#listeners.values()].map(({ acceptor }) => acceptor.close(hurry)))
  }

  async #stop(): Promise<void> {
    this.#health.abandon()
    for (const one of this.#warmUps) one.stop()
    await this.#closeListeners(AT_ONCE)
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
