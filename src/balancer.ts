import { EventEmitter } from 'node:events'
import { type AddressInfo, Socket } from 'node:net'
import { AdminRoom } from './admin-room.ts'
import { optionsArgument } from './arguments.ts'
import { closeArguments, configArgument, type ListenArguments, listenArguments } from './balancer-arguments.ts'
import { invalidState, unknownHost } from './balancer-errors.ts'
import { BalancerLife } from './balancer-life.ts'
import { listenerName, targetOf } from './balancer-names.ts'
import { BalancerNews } from './balancer-news.ts'
import type {
  BalancerEvents,
  BalancerStatus,
  CloseOptions,
  HandleOptions,
  ListenOptions,
  OpenSockets,
  PassedSockets,
} from './balancer-types.ts'
import { Cluster } from './cluster/cluster.ts'
import { memberName } from './cluster/members/members.ts'
import { Rosters } from './cluster/rosters/rosters.ts'
import type { NextBackends } from './cluster/switches/cluster-switches.ts'
import { type DescribedConfig, describeBackend, describeConfig } from './config/describe.ts'
import { loadKeyModules } from './config/key-modules.ts'
import type { BalancerOptions } from './config/options.ts'
import type { ResolvedBackend, ResolvedConfig } from './config/resolved.ts'
import { applyFound, type FoundContext } from './discovery/apply.ts'
import { Discoveries, followDiscovery } from './discovery/discoveries.ts'
import { argumentTypeError, throwIfAborted } from './errors.ts'
import { createLog, type Log, sessionLogOf } from './log/log.ts'
import type { PoolCore } from './pool/core.ts'
import type { Client, Decision } from './pool/decision.ts'
import { backendsAfter, type PlanChange } from './pool/plan.ts'
import type { ChangeEvent, Pool, PoolOwner } from './pool/pool.ts'
import { Pools } from './pool/pools.ts'
import type { BackendRecord } from './pool/records.ts'
import { prepareSocket } from './relay/prepare-socket.ts'
import type { Served } from './relay/relays.ts'
import { SessionFeed } from './relay/session-feed.ts'
import type { Done } from './reload/backends.ts'
import { type Committed, reload } from './reload/reload.ts'
import { type ReloadResult, resultOf } from './reload/result.ts'
import { type CloseResult, Service, unlessAborted } from './service.ts'
import { Closings } from './sessions/closings.ts'
import { DownCloser } from './sessions/down-closer.ts'
import type { LiveSession, SessionFilter, SessionInfo } from './sessions/info.ts'
import { type PaceOptions, paceArgument } from './sessions/paced-close.ts'
import { watchReturns } from './sessions/rebalancer.ts'
import { KeptChanges } from './state/kept-changes.ts'
import { OwnedFiles } from './state/owned-files.ts'
import { collectStats, type Stats } from './stats.ts'
import { Turns } from './turns.ts'
import { HandOver } from './upgrade/hand-over.ts'

/** A TCP balancer that sends every client back to its home backend. */
export class Balancer extends EventEmitter<BalancerEvents> implements AsyncDisposable {
  #config: ResolvedConfig
  readonly #log: Log
  readonly #feed: SessionFeed
  readonly #kept: KeptChanges
  readonly #pools: Pools
  readonly #discoveries: Discoveries
  readonly #files: OwnedFiles
  /** Undefined: it shares nothing. */
  readonly #cluster: Cluster | undefined
  /** Undefined: its backends are its own. */
  readonly #rosters: Rosters | undefined
  /** @internal */
  readonly handOver: HandOver
  readonly #life = new BalancerLife(() => process.nextTick(() => this.emit('close')))
  readonly #news: BalancerNews
  #service: Service | undefined
  readonly #admin: AdminRoom
  readonly #downCloser: DownCloser
  /** The closings of sessions at a pace that run. */
  readonly closings: Closings
  /** Reloads wait for each other. */
  readonly #reloads = new Turns()
  /** Number of the state that holds. */
  #generation = 1
  #lastStats: Stats | undefined

  /**
   * Checks the options and fills in their defaults; opens nothing, starts nothing, and does not load the native addon.
   *
   * @param options - the document of the configuration file as an object, or the object that {@link loadConfig} returned. A
   *   program that says nothing about `log.level` gets `warn`.
   * @throws {@link LimpetConfigError} with everything that is wrong
   */
  constructor(options: BalancerOptions | ResolvedConfig) {
    super()
    this.#config = configArgument(options)
    const { log, pools } = this.#config
    this.#log = createLog(log.level)
    this.#feed = new SessionFeed(sessionLogOf(this.#log, log.sessions))
    this.closings = new Closings({
      find: filter => this.#live(filter),
      tell: (event, closing) => this.emit(event, closing),
      log: this.#log,
      over: this.#life.over,
    })
    this.#downCloser = new DownCloser(this.closings)
    this.#news = new BalancerNews(this, this.#log, this.#downCloser, this.#life)
    const owner: PoolOwner = {
      assertChangeable: () => this.handOver.assertChangeable(),
      check: (core, backend) => this.#checkBackend(core, backend),
      changed: (event, core, backend) => this.#changed(event, core, backend),
      announce: async (core, change) => await this.announce(change, { pool: core.name }),
      rosters: () => this.#rosters,
    }
    this.#pools = new Pools(pools.values(), owner, core => {
      followDiscovery(core, this.#log)
      this.#news.follow(core)
      watchReturns(core, {
        find: filter => this.#live(filter),
        isListening: () => this.#life.isListening,
        tell: (event, run) => this.emit(event, run),
        log: this.#log,
        over: this.#life.stopping,
      })
    })
    this.#discoveries = new Discoveries(this.#pools.cores, this.#log, {
      canChange: () => this.#life.isListening && this.handOver.canChange,
      apply: found => this.#apply(context => applyFound(found, context)),
    })
    this.#kept = new KeptChanges(this.#pools.cores, () => this.#config, this.#log)
    this.handOver = new HandOver(this.#pools.cores, this.#kept)
    this.#files = new OwnedFiles(this.#pools, this.#kept)
    const kept = (): Promise<void> => this.#kept.settled()
    const { cluster } = this.#config
    if (cluster?.membership === 'cluster') this.#rosters = this.#shareRosters()
    const clustered = { rosters: this.#rosters, isReplaced: () => !this.handOver.canChange }
    this.#cluster = cluster && new Cluster(cluster, this.#pools.cores, this.#log, clustered)
    this.#admin = new AdminRoom({ balancer: this, sessions: this.#feed, log: this.#log, kept })
  }

  /** Where it is in its life. */
  get status(): BalancerStatus {
    return this.#life.status
  }

  /** Number of the state that holds: one more with every change of backends, and with every reload. */
  get generation(): number {
    return this.#generation
  }

  /**
   * Opens the admin API if `admin` is configured, waits for the first answers where backends are found (`startTimeout` at most), looks up the host names of backends (once), waits for their first health checks (10 s at most), binds every listener
   * and starts to serve; without listeners only {@link Balancer.handle} is made ready. All or nothing: on an error what
   * was bound is closed again, and the balancer is `idle`.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_INVALID_STATE`: called before, or closed; `LIMPET_ERR_SELF_BACKEND`; `LIMPET_ERR_PASSED_SOCKET`;
   *   `LIMPET_ERR_UNSUPPORTED`: `relay: native` where there is none; `LIMPET_ERR_ADDON_LOAD`
   * @throws system errors of `net` and `dns`, like `EADDRINUSE`, with the name of the `listener`; `isAdmin`: it is about the
   *   admin API
   * @throws an `AbortError`
   */
  async listen(options: ListenOptions = {}): Promise<void> {
    const given = listenArguments(options)
    for (const name of given.sockets.listeners.keys()) listenerName(this.#config, name)
    this.#life.assertIdle(given.signal)
    this.#files.borrow(this.#config, given.borrowed)
    await this.#life.open(given.signal, signal => this.#open(signal, given))
    process.nextTick(() => {
      // Whoever awaited listen() may have closed it already.
      if (this.#life.isListening) this.emit('listening')
    })
  }

  /**
   * Closes gracefully: stops accepting at once, waits for sessions to end, cuts those that are left after `timeoutMs`, and stops
   * the threads. Every call gets the result of the first one, whose `timeoutMs` holds; `destroy()` hurries it.
   *
   * @throws a `RangeError` or `TypeError` for bad options; an `AbortError`, while the closing goes on
   */
  async close(options: CloseOptions = {}): Promise<CloseResult> {
    const { timeoutMs, signal } = closeArguments(options, this.#config)
    throwIfAborted(signal)
    const closing = this.#life.close(opening => this.#shutDown(timeoutMs, opening))
    return await (signal === undefined ? closing : unlessAborted(() => closing, signal))
  }

  /**
   * Makes the configuration another one, with the least that has to be done: pools, backends and listeners are added, changed and
   * removed; stick tables stay, and sessions go on as they began. All or nothing: on an error nothing is changed. Reloads are
   * done one after the other.
   *
   * @param options - as for the constructor. Backends become those that are here, whatever they were
   * @throws {@link LimpetConfigError} with everything that is wrong
   * @throws {@link LimpetError} `LIMPET_ERR_NEEDS_RESTART`: it differs in what a reload cannot change; `LIMPET_ERR_INVALID_STATE`:
   *   not `listening`; `LIMPET_ERR_DISCOVERY`; `LIMPET_ERR_SELF_BACKEND`; `LIMPET_ERR_TOO_MANY_BACKENDS`; those of {@link Balancer.listen} for a listener
   *   or a pool that is new
   * @throws system errors of `net` and `dns`, as {@link Balancer.listen}
   */
  async reload(options: BalancerOptions | ResolvedConfig): Promise<ReloadResult> {
    const next = configArgument(options)
    return await this.#reloads.take(() => this.#reload(next))
  }

  /**
   * Of a balancer that shares exceptions with others (`cluster`): tells them what the backends of a pool will be, and resolves when
   * each of them has told which of its clients stay where they are, after `switchTimeout` at the latest. A change of backends that is
   * made then, by the methods of {@link Pool}, leads no client elsewhere that comes through another balancer. Reloads and the
   * admin API do it themselves. Resolves at once where nothing is shared, the store is away, or no home moves.
   *
   * @param change - as for {@link Pool.plan}
   * @param options - `pool`: its name; may be left out if there is only one
   * @throws {@link LimpetConfigError}, {@link LimpetError} as the change itself
   */
  async announce(change: PlanChange, options: { pool?: string | undefined } = {}): Promise<void> {
    const { name } = this.pool(optionsArgument('options', options).pool)
    if (this.#cluster === undefined) return
    const core = this.#pools.core(name)
    const backends = backendsAfter(core, change, backend => this.#checkBackend(core, backend))
    await this.#cluster.beforeChange([{ core, backends: backends.values() }])
  }

  /** Closes at once: cuts every session and stops the threads. Idempotent; in every state. */
  async destroy(): Promise<void> {
    const closing = this.#life.close(opening => this.#shutDown(0, opening))
    this.#life.hurryUp()
    await closing
  }

  /** {@link Balancer.destroy}: whoever leaves a block by an exception should not wait for clients. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy()
  }

  /**
   * Where a listener listens, as `net.Server#address()`: an object with `address`, `family` and `port`, or the path of a
   * unix socket; null while it is not open.
   *
   * @param listener - its name; may be left out if there is only one
   * @throws {@link LimpetError} `LIMPET_ERR_UNKNOWN_LISTENER`
   */
  address(listener?: string): AddressInfo | string | null {
    const name = listenerName(this.#config, listener)
    return this.#service?.listeners.address(name) ?? null
  }

  /** Where the admin API listens, as {@link Balancer.address}; null while it is not open. */
  adminAddress(): AddressInfo | string | null {
    return this.#admin.address()
  }

  /**
   * The listen sockets that are open, to be given to another process. They stay the balancer's: nothing but copies of their
   * descriptors may be used elsewhere.
   */
  sockets(): OpenSockets {
    return { listeners: this.#service?.listeners.sockets() ?? new Map(), admin: this.#admin.socket() }
  }

  /**
   * Tells which listen sockets another process has been given: closing leaves the clients in their queues, and the files of
   * unix sockets, to that process, so that no client is lost. What was told before does not hold any more.
   */
  leaveSockets({ listeners, admin }: PassedSockets): void {
    this.#service?.listeners.passed(new Set(listeners))
    this.#admin.isPassed = admin
  }

  /**
   * Gives the files of `state` and of stick tables to another process: what is written is complete, and what changes from now
   * on is not kept. That process then calls {@link Balancer.ownFiles}.
   */
  async leaveFiles(): Promise<void> {
    await this.#kept.close()
  }

  /**
   * Takes the files over that `borrowedFiles` of {@link Balancer.listen} named, when the other process has left them.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_STATE_FILE`, `LIMPET_ERR_STATE_LOCKED`; errors of `fs`
   */
  async ownFiles(): Promise<void> {
    await this.#files.own()
  }

  /**
   * The configuration that holds, in the shape of the document and with every default filled in; backends as they are
   * now, or where they are found. Of secrets it has where they came from.
   */
  settings(): DescribedConfig {
    const described = describeConfig(this.#config)
    for (const [name, pool] of Object.entries(described.pools)) {
      if (Array.isArray(pool.backends)) pool.backends = [...this.#pools.core(name).backends()].map(describeBackend)
    }
    return described
  }

  /**
   * A pool, in any state of the balancer.
   *
   * @param name - may be left out if there is only one
   * @throws {@link LimpetError} `LIMPET_ERR_UNKNOWN_POOL`
   */
  pool(name?: string): Pool {
    return this.#pools.get(name)
  }

  /**
   * Picks a backend without a connection; see {@link Pool.pick}.
   *
   * @param options - `pool`: its name; may be left out if there is only one
   * @throws {@link LimpetError} `LIMPET_ERR_UNKNOWN_POOL`, and as {@link Pool.pick}
   */
  pick(client: Client, options: { pool?: string | undefined } = {}): Decision {
    return this.pool(optionsArgument('options', options).pool).pick(client)
  }

  /**
   * Balances a socket that a server of your own accepted. The socket is not yours any more: do not read, write or
   * destroy it. Plain sockets go to the native relay where it exists; TLS sockets, and those to which bytes are still
   * waiting to be written, to the stream relay.
   *
   * @returns how it is served; `refused`: it was closed at once, and counted
   * @throws {@link LimpetError} `LIMPET_ERR_INVALID_STATE`: not `listening`; `LIMPET_ERR_UNKNOWN_POOL`,
   *   `LIMPET_ERR_UNKNOWN_LISTENER`; `LIMPET_ERR_SOCKET_NOT_TAKEN`: it has ended, or is in use, and stays yours
   */
  handle(socket: Socket, options: HandleOptions = {}): Served {
    if (!(socket instanceof Socket)) throw argumentTypeError('socket', 'a net.Socket', socket)
    const service = this.#listeningService('handle')
    const target = targetOf(optionsArgument('options', options), { config: this.#config, pools: this.#pools, service })
    prepareSocket(socket)
    return service.serve(target, socket)
  }

  /**
   * The sessions that live: those that do all the while, and perhaps some that come or go meanwhile. They are looked at some
   * hundred at a time, by the threads that carry them.
   *
   * @param filter - which of them; default: all
   * @throws {@link LimpetError} `LIMPET_ERR_INVALID_STATE`: not open; `LIMPET_ERR_UNKNOWN_POOL`,
   *   `LIMPET_ERR_UNKNOWN_LISTENER`
   */
  async *sessions(filter: SessionFilter = {}): AsyncGenerator<SessionInfo, void> {
    for await (const { info } of this.#live(filter)) yield info
  }

  /**
   * Closes a session.
   *
   * @param id - as {@link Balancer.sessions} and the diagnostics channels tell it
   * @returns whether it was there; it is gone a moment later
   * @throws {@link LimpetError} `LIMPET_ERR_INVALID_STATE`: not open
   */
  async closeSession(id: string): Promise<boolean> {
    for await (const session of this.#live({})) {
      if (session.info.id !== id) continue
      session.close()
      return true
    }
    return false
  }

  /**
   * Closes sessions in such a way that their clients do not all come back in the same moment: the longest idle first, so
   * many a second. Those that come meanwhile stay.
   *
   * @param filter - which of them; default: all
   * @returns how many were closed; fewer than there were only after an abort, or where the balancer was closed meanwhile
   * @throws {@link LimpetError} as {@link Balancer.sessions}; a `RangeError` or `TypeError` for bad options
   */
  async closeSessions(filter: SessionFilter = {}, options: PaceOptions = {}): Promise<number> {
    const { done } = await this.closings.begin('asked', filter, paceArgument(options))
    return await done
  }

  /** Figures of now; after closing, the last ones. Loads the native addon. */
  stats(): Stats {
    return this.#lastStats ?? this.#collectStats()
  }

  async #open(signal: AbortSignal, { reload, sockets, prepare }: ListenArguments): Promise<void> {
    for (const warning of this.#config.warnings) this.#log.warn(warning)
    // A socket of another process's: until this one can take its place, that one answers.
    const isLast = sockets.admin !== undefined
    if (!isLast) await this.#admin.open(this.#config, reload)
    try {
      await this.#openService(signal, sockets.listeners, prepare)
      if (isLast) await this.#admin.open(this.#config, reload, sockets.admin)
    } catch (error) {
      this.#discoveries.stop()
      await this.#cluster?.stop()
      await this.#service?.close(0, AbortSignal.abort())
      this.#service = undefined
      await this.#admin.close()
      throw error
    }
  }

  async #openService(
    signal: AbortSignal,
    sockets: OpenSockets['listeners'],
    prepare: ListenOptions['prepare'],
  ): Promise<void> {
    throwIfAborted(signal)
    await loadKeyModules(this.#config)
    await this.#discoveries.start(signal)
    await this.#kept.restore()
    for (const core of this.#pools.cores.values()) core.tableFile?.settle(this.#log)
    await this.#cluster?.start(signal)
    // A shared roster may have changed backends, of which nobody is told yet.
    if (this.#rosters !== undefined) this.#kept.changed()
    const parts = {
      config: this.#config,
      pools: this.#pools.cores,
      sockets,
      prepare,
      feed: this.#feed,
      log: this.#log,
      ...this.#news.ofService(),
    }
    this.#service = await Service.open(parts, signal)
    this.#service.backendsChanged()
    this.#discoveries.run()
  }

  async #reload(wanted: ResolvedConfig): Promise<ReloadResult> {
    const service = (): Service => this.#changeableService('reload')
    service()
    await loadKeyModules(wanted)
    const found = await this.#discoveries.prepare(wanted)
    const shared = this.#rosters?.prepare(found.config)
    const reloaded = { pools: this.#pools, service, config: this.#config, beforeChange: this.#beforeChange }
    return await reload(reloaded, shared?.config ?? found.config, committed => {
      found.commit()
      shared?.commit()
      return this.#hold(found.config, committed)
    })
  }

  /** Other backends of pools, found or told, between reloads. */
  async #apply(apply: (context: FoundContext) => Promise<Done[]>): Promise<void> {
    await this.#reloads.take(async () => {
      const service = (): Service => this.#changeableService('reload')
      const done = await apply({ service, beforeChange: this.#beforeChange })
      if (done.length === 0) return
      this.#service?.backendsChanged()
      this.#backendsChanged(done.map(({ core }) => core))
      this.#generation++
      this.#news.changedAll(done)
    })
  }

  #shareRosters(): Rosters {
    return new Rosters(this.#pools.cores, memberName(), this.#log, {
      canChange: () => this.#life.isListening && this.handOver.canChange,
      assertCanChange: () => void this.#changeableService('pool.roster'),
      configured: pool => this.#config.pools.get(pool)?.backends ?? [],
      changes: core => this.#kept.changesOf(core),
      beforeChange: this.#beforeChange,
      apply: change => this.#apply(change),
    })
  }

  /** A configuration holds, all of it, before anybody is told of any of it. */
  #hold(next: ResolvedConfig, { done, changes }: Committed): ReloadResult {
    this.#config = next
    this.#log.level = next.log.level
    this.#feed.setLog(sessionLogOf(this.#log, next.log.sessions))
    this.#service?.backendsChanged()
    this.#backendsChanged(done.map(({ core }) => core))
    const result = resultOf(++this.#generation, done, changes)
    this.#news.reloaded(result, done)
    return result
  }

  readonly #beforeChange = async (changes: readonly NextBackends[]): Promise<void> => {
    await this.#cluster?.beforeChange(changes)
  }

  #backendsChanged(cores: readonly PoolCore[]): void {
    this.#kept.changed()
    this.#cluster?.changed(cores)
  }

  #live(filter: SessionFilter): AsyncGenerator<LiveSession> {
    const { pool, listener, backend } = optionsArgument('filter', filter)
    const service = this.#service
    if (service === undefined || this.#life.status === 'closed') throw invalidState('sessions', this.#life.status)
    if (pool !== undefined) this.pool(pool)
    if (listener !== undefined) listenerName(this.#config, listener)
    return service.live({ pool, listener, backend })
  }

  #listeningService(method: string): Service {
    const service = this.#service
    if (this.#life.status !== 'listening' || service === undefined) throw invalidState(method, this.#life.status)
    return service
  }

  #changeableService(method: string): Service {
    this.handOver.assertChangeable()
    return this.#listeningService(method)
  }

  async #shutDown(timeoutMs: number, opening: Promise<void> | undefined): Promise<CloseResult> {
    this.#discoveries.stop()
    this.#downCloser.stop()
    // Otherwise nothing is awaited: when close() returns, nobody is accepted.
    if (opening !== undefined) await opening
    // Whoever has its socket answers from now on.
    const adminClosed = this.#admin.isPassed ? this.#admin.close() : undefined
    const result = (await this.#service?.close(timeoutMs, this.#life.hurry)) ?? { finished: 0, cut: 0 }
    if (this.#service !== undefined) {
      const { accepted, opened, bytesToBackend, bytesToClient } = this.#service.counts
      this.#log.info({ ...result, accepted, opened, bytesToBackend, bytesToClient }, 'closed')
      this.#lastStats = this.#collectStats()
    }
    await adminClosed
    await this.#admin.close()
    await this.#cluster?.stop()
    await this.#kept.close()
    for (const core of this.#pools.cores.values()) core.close()
    return result
  }

  #collectStats(): Stats {
    return collectStats(this.#service, {
      generation: this.#generation,
      listeners: this.#config.listeners,
      pools: this.#pools.cores.values(),
      cluster: this.#cluster,
    })
  }

  #checkBackend(core: PoolCore, { name, address }: ResolvedBackend): void {
    if (this.#life.status === 'idle') return
    if (address.kind === 'name' && !core.knows(name, address)) throw unknownHost(core.name, name, address)
    this.#service?.checkBackend(core.name, { name, address })
  }

  #changed(event: ChangeEvent, core: PoolCore, backend: BackendRecord): void {
    this.#generation++
    this.#service?.backendChanged(core, backend.name)
    this.#backendsChanged([core])
    this.#news.changed(event, core, backend)
  }
}
