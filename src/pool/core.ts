import { existsSync, renameSync, rmSync } from 'node:fs'
import { type HeadKeys, headKeysOf } from '../affinity/head-keys.ts'
import { type HotBy, hotByOf } from '../affinity/hot-keys.ts'
import { type BackendAddress, formatAddress } from '../config/address.ts'
import { checksOf } from '../config/backend-health.ts'
import type { ResolvedBackend, ResolvedBackendHealth, ResolvedHealth, ResolvedPool } from '../config/resolved.ts'
import { DerivedSecrets, digest } from '../config/secrets.ts'
import { PoolCookie } from '../cookies/pool-cookie.ts'
import type { Discovery } from '../discovery/discovery.ts'
import { LimpetError } from '../errors.ts'
import type { AgentWords } from '../health/agent-words.ts'
import { Ejections } from '../health/ejections.ts'
import { SlowStart } from '../health/slow-start.ts'
import { FULL_RAMP, NativeBackendState, type NativePlacement, type NativePool } from '../native.ts'
import type { RebalanceInfo } from '../sessions/rebalancer.ts'
import { PoolAgents } from './agents.ts'
import { PoolHealth, servedBy } from './health.ts'
import type { MembershipChange } from './membership.ts'
import { Moves } from './moves.ts'
import { limitsOf, makeNativePool, makePlacement } from './native-pool.ts'
import { type BackendRecord, type Hosts, isSameEndpoint, lookUp, recordOf } from './records.ts'
import { nextOf, TableFile } from './table-file.ts'

/** A change that can be committed. */
export interface PreparedChange {
  readonly records: readonly BackendRecord[]
  readonly added: readonly BackendRecord[]
  readonly removed: readonly string[]
}

/** What is on a backend now. */
export interface BackendFigures {
  sessions: number
  inherited: number
  takesNew: boolean
  bound: number | null
  total: number
  connectFailures: number
}

/** Rows of failures of a backend; one of them is not 0. */
export interface BackendFailures {
  name: string
  /** Connects in a row that failed. */
  connects: number
  /** Sessions in a row that it reset in their first moments. */
  resets: number
}

/** Whose index it is, and whose it was before: session records are read a moment after they were written. */
interface Owner {
  readonly backend: BackendRecord
  readonly generation: number
  readonly before: { readonly name: string; readonly generation: number } | undefined
}

const INDEXES = 2 ** 16
/** Numbers of each backend that the native pool gives. */
const FIGURES = 4
/** Failures of each backend in a row, of connects and of sessions. */
const ROWS = 2

/** A pool without its public face: its backends, and the native pool, which is made when it is first needed. */
export class PoolCore {
  #settings: ResolvedPool
  /** What checks say; change it through the methods here, which publish that. */
  readonly health: PoolHealth
  /** What agents say; change it through the methods here, too. */
  readonly agents = new PoolAgents()
  /** What its changes have moved. */
  readonly moves = new Moves(this)
  /** Told when checks are believed no more, or again. */
  onFailOpen: (isOpen: boolean) => void = () => undefined
  /** Told when a backend takes new clients, or does not any more. */
  onServed: (name: string, isReady: boolean) => void = () => undefined
  /** Where its backends are found; undefined: they are listed. */
  discovery: Discovery | undefined
  /** How far its clients are brought home; undefined: they never were. */
  rebalance: RebalanceInfo | undefined
  /** Clients that were brought home, ever. */
  broughtHome = 0
  readonly #slowStart: SlowStart
  #isSlow = false
  /** What each may serve, as it was staged last. */
  readonly #served = new Map<string, number>()
  #isPublishing = false
  /** Found out once for each that has checks of its own: rosters ask for them. */
  #checks = new WeakMap<ResolvedBackendHealth, ResolvedHealth>()
  readonly #secrets: DerivedSecrets
  readonly #backends = new Map<string, BackendRecord>()
  /** By the index that the native pool gave; a removed backend stays until its index is given anew. */
  readonly #byIndex: Owner[] = []
  readonly #indexes = new Map<string, number>()
  /** Picks that wait for a seat, by their handles: what to do when it is their turn. */
  readonly turns = new Map<number, () => void>()
  #native: NativePool | undefined
  /** Undefined: not asked for yet. */
  #headKeys: { readonly found: HeadKeys | undefined } | undefined
  /** Undefined: not asked for yet, or there is none. */
  #cookie: PoolCookie | undefined
  /** Undefined: not asked for yet. */
  #hotBy: { readonly found: HotBy | undefined } | undefined
  /** Undefined: the table is in memory, or is not made yet. */
  #tableFile: TableFile | undefined
  /** Where that is while its place is another process's. */
  #beside: string | undefined
  #closed = false
  #retired = false

  constructor(settings: ResolvedPool) {
    this.#settings = settings
    const { ejection, slowStart } = settings
    this.#slowStart = new SlowStart(slowStart)
    this.health = new PoolHealth(
      settings.failOpen,
      backend => this.checksOf(backend),
      ejection && new Ejections(ejection),
    )
    this.#secrets = new DerivedSecrets(settings.secret.bytes())
    for (const backend of settings.backends) this.#backends.set(backend.name, recordOf(backend))
  }

  /** What holds; its backends are those of the configuration, not those that there are. */
  get settings(): ResolvedPool {
    return this.#settings
  }

  get name(): string {
    return this.settings.name
  }

  /** Undefined: keys are addresses. */
  get headKeys(): HeadKeys | undefined {
    this.#headKeys ??= { found: headKeysOf(this.settings.affinity, () => this.native) }
    return this.#headKeys.found
  }

  /** Undefined: it has none. */
  get cookie(): PoolCookie | undefined {
    const { cookie } = this.settings.affinity
    if (cookie !== undefined) this.#cookie ??= new PoolCookie(cookie, this.#secrets.cookie, this.#backends.keys())
    return this.#cookie
  }

  /** How clients of a hot key are told apart; undefined: no key is spread. */
  get hotBy(): HotBy | undefined {
    this.#hotBy ??= { found: hotByOf(this.settings.affinity) }
    return this.#hotBy.found
  }

  /** How long a client waits for a seat. */
  get queueMs(): number {
    return this.settings.limits.queue.timeout
  }

  /** Whether backends take new sessions at a rate. */
  get admitsSlowly(): boolean {
    return this.settings.limits.admitPerSecond > 0
  }

  /** 16 hex digits; changes with the membership. */
  get digest(): string {
    const { placement, affinity } = this.settings
    return digest(this.#secrets.digest, { placement, ...affinity, backends: this.#backends.values() })
  }

  /** 16 hex digits of what keys are made by: secret and prefixes. */
  get keyDigest(): string {
    const { ipv4Prefix, ipv6Prefix } = this.settings.affinity
    return digest(this.#secrets.digest, { placement: 'rendezvous', ipv4Prefix, ipv6Prefix, backends: [] })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Only sessions from before use it. */
  get isRetired(): boolean {
    return this.#retired
  }

  /** Throws once the balancer is closed, or the pool removed. */
  assertOpen(): void {
    if (this.#retired) throw this.#invalid(`the pool ${this.name} was removed`)
    this.#assertNotClosed()
  }

  #assertNotClosed(): void {
    if (this.#closed) throw this.#invalid(`the balancer of the pool ${this.name} is closed`)
  }

  #invalid(message: string): LimpetError {
    return new LimpetError('LIMPET_ERR_INVALID_STATE', message, { pool: this.name })
  }

  /** It is in no configuration any more: only its sessions use it, until they have ended. */
  retire(): void {
    this.#retired = true
    for (const name of this.#backends.keys()) this.onServed(name, false)
    // Whoever was told of it has nothing to do any more, whatever its backends still become.
    this.onServed = () => undefined
  }

  /** Takes other settings, of those that can change while it serves; its backends stay. */
  reconfigure(settings: ResolvedPool): void {
    const { failOpen, ejection, slowStart, boundMilli } = settings
    const unchecked = [...this.#backends.values()].filter(backend => this.checksOf(backend) === undefined)
    this.#settings = settings
    this.#checks = new WeakMap()
    // Until the first checks say otherwise, who served without them is up.
    for (const backend of unchecked) {
      if (this.checksOf(backend) !== undefined) this.health.set(backend.name, true, 'it served before the checks')
    }
    this.#slowStart.configure(slowStart)
    this.health.configure(failOpen, ejection)
    this.native.setLimits(boundMilli, limitsOf(settings))
    this.#republish()
  }

  /** How a backend is checked; undefined: it is not. */
  checksOf(backend: ResolvedBackend): ResolvedHealth | undefined {
    const { health } = backend
    if (typeof health !== 'object') return checksOf(this.settings.health, backend)
    const known = this.#checks.get(health)
    if (known !== undefined) return known
    const checks = checksOf(this.settings.health, backend)
    if (checks !== undefined) this.#checks.set(health, checks)
    return checks
  }

  /** Number of backends. */
  get size(): number {
    return this.#backends.size
  }

  /** The native pool; throws once the balancer is closed. */
  get native(): NativePool {
    this.#assertNotClosed()
    this.#native ??= this.#open()
    return this.#native
  }

  /** The file of its stick table; undefined: it has none. */
  get tableFile(): TableFile | undefined {
    void this.native
    return this.#tableFile
  }

  /** In the order in which they were added. */
  backends(): IterableIterator<BackendRecord> {
    return this.#backends.values()
  }

  backend(name: string): BackendRecord | undefined {
    return this.#backends.get(name)
  }

  /** The backend that a pick names. */
  backendAt(index: number): BackendRecord {
    const owner = this.#byIndex[index]
    if (owner === undefined) throw new RangeError(`the pool ${this.name} has no backend ${index}`)
    return owner.backend
  }

  /** Where the native pool has a backend; undefined: nowhere. */
  placeOf(name: string): { index: number; generation: number } | undefined {
    this.assertOpen()
    // Made when it is first needed.
    void this.native
    const index = this.#indexes.get(name)
    const owner = index === undefined ? undefined : this.#byIndex[index]
    return index === undefined || owner === undefined ? undefined : { index, generation: owner.generation }
  }

  /**
   * Name of the backend that had an index when a session record was written, a moment ago; undefined: the index has had
   * two more owners since.
   */
  backendNamed(index: number, generation: number): string | undefined {
    const owner = this.#byIndex[index]
    if (owner?.generation === generation) return owner.backend.name
    return owner?.before?.generation === generation ? owner.before.name : undefined
  }

  /** What is on each backend now, by name. */
  figures(): (name: string) => BackendFigures {
    let figures = new Float64Array(FIGURES * (this.#byIndex.length + 1))
    const indexes = this.native.readBackends(figures)
    if (indexes * FIGURES > figures.length) {
      figures = new Float64Array(FIGURES * indexes)
      this.native.readBackends(figures)
    }
    const bounds = new Float64Array(indexes)
    this.native.readBounds(bounds)
    return name => {
      const index = this.#indexes.get(name) ?? 0
      const at = FIGURES * index
      const [sessions = 0, total = 0, connectFailures = 0, inherited = 0] = figures.subarray(at, at + FIGURES)
      const bound = bounds[index] ?? 0
      const takesNew = bound > 0
      const shown = takesNew && bound < Infinity ? bound : null
      return { sessions, inherited, takesNew, bound: shown, total, connectFailures }
    }
  }

  /** Who had so many failures in a row since the last time. */
  takeFailures(atLeast: number): BackendFailures[] {
    const rows = new Float64Array(ROWS * this.#byIndex.length)
    this.native.takeFailures(rows, atLeast)
    const all = [...this.#indexes].map(([name, index]) => {
      const [connects = 0, resets = 0] = rows.subarray(ROWS * index, ROWS * (index + 1))
      return { name, connects, resets }
    })
    return all.filter(({ connects, resets }) => connects > 0 || resets > 0)
  }

  /** Names of the backends that take new clients now, backups also while others do. */
  servers(): Set<string> {
    const ready = [...this.#backends.values()].filter(
      backend => backend.weight > 0 && servedBy(this.#wanted(backend), this.health) === NativeBackendState.ready,
    )
    return new Set(ready.map(({ name }) => name))
  }

  /** What a backend serves, as it was staged last: a number of `NativeBackendState`. */
  servedAs(name: string): number {
    return this.#served.get(name) ?? NativeBackendState.down
  }

  /** Pins to each backend now, by name, estimated from so many buckets of the table if it has more. */
  pins(mostBuckets: number): (name: string) => number {
    const { native } = this
    const counts = new Float64Array(this.#byIndex.length)
    const share = native.countPins(counts, mostBuckets)
    return name => (counts[this.#indexes.get(name) ?? -1] ?? 0) / share
  }

  /**
   * The placement that the pool would have with other weights; 0: no member.
   *
   * @param predecessor - one of the same names
   */
  placementOf(names: string[], weights: Uint32Array, predecessor?: NativePlacement): NativePlacement {
    return makePlacement(this.settings, this.#secrets, { names, weights }, predecessor)
  }

  /**
   * Adds, changes and removes backends, and publishes all of that as one roster. False: the pool cannot hold them, and
   * nothing was changed.
   */
  apply(change: MembershipChange): boolean {
    const prepared = this.prepareChange(change)
    if (prepared === undefined) return false
    this.commit(prepared)
    return true
  }

  /**
   * Does what can fail of a change; {@link PoolCore.commit} or {@link PoolCore.withdraw} must follow at once. Undefined:
   * the pool cannot hold the backends.
   *
   * @param hosts - what host names were found to be; without an answer a backend has no endpoint yet
   */
  prepareChange({ set, removed }: MembershipChange, hosts: Hosts = new Map()): PreparedChange | undefined {
    for (const name of removed) {
      if (!this.#backends.has(name)) throw new RangeError(`the pool ${this.name} has no backend ${name}`)
    }
    const records = set.map(backend => recordOf(backend, this.#backends.get(backend.name), hosts))
    const added = records.filter(({ name }) => !this.#backends.has(name))
    for (const [at, backend] of added.entries()) {
      if (this.#stage(this.native, backend)) continue
      this.#unstage(added.slice(0, at))
      return undefined
    }
    return { records, added, removed }
  }

  withdraw({ added }: PreparedChange): void {
    this.#unstage(added)
  }

  commit({ records, removed }: PreparedChange): void {
    const { native } = this
    const before = new Map(this.#backends)
    const after = new Map([...before, ...records.map(record => [record.name, record] as const)])
    for (const name of removed) after.delete(name)
    this.moves.note(before, after)
    for (const next of records) {
      const old = this.#backends.get(next.name)
      this.#backends.set(next.name, next)
      // A new one is staged already.
      if (old === undefined) continue
      // What a check said of another address, or before a maintenance, says nothing now.
      if (next.state === 'maint' || !isSameEndpoint(old, next)) this.health.forget(next.name)
      this.#stage(native, next)
    }
    for (const name of removed) {
      native.removeBackend(name)
      this.#backends.delete(name)
      this.#indexes.delete(name)
      this.#served.delete(name)
      this.onServed(name, false)
      this.#slowStart.end(name)
      this.health.forget(name)
      this.agents.forget(name)
    }
    this.#cookie?.setBackends(this.#backends.keys())
    this.#publish(native)
  }

  /** Where a client belongs; `coming`: sessions that home will have besides. Undefined: it is no address. */
  clientPlace(address: string, coming = 0): { key: string; home: string | undefined; hasRoom: boolean } | undefined {
    const found = this.native.placeOf(address, coming)
    return found === null ? undefined : { ...found, home: found.home < 0 ? undefined : this.backendAt(found.home).name }
  }

  /** Pins a client to its home, where there is a table. */
  pinHome(address: string, home: string): void {
    const place = this.placeOf(home)
    if (this.settings.stickTable === undefined || place === undefined) return
    this.native.setPin(address, place.index, place.generation, this.settings.stickTable.ttl)
  }

  /** Checks begin: what a backend is until its first one. */
  watchHealth(): void {
    this.health.watch()
    if (this.#hasChecks) this.#republish()
  }

  /** There were never any checks. */
  resetHealth(): void {
    this.health.reset()
    if (!this.#closed && this.#hasChecks) this.#republish()
  }

  /**
   * Takes what a check found. It is published with whatever else is found in this turn of the event loop, or when
   * somebody asks.
   */
  setHealth(name: string, isUp: boolean, reason: string): void {
    this.health.set(name, isUp, reason)
    this.#restage(name)
  }

  /** There are no checks of this backend now. */
  forgetHealth(name: string): void {
    if (this.health.forget(name)) this.#restage(name)
  }

  /** Takes what an agent said, as {@link PoolCore.setHealth}; false: nothing of it is new. */
  setAgent(name: string, words: AgentWords): boolean {
    const isNew = this.agents.take(name, words)
    if (isNew) this.#restage(name)
    return isNew
  }

  /** There is no agent of this backend now. */
  forgetAgent(name: string): void {
    if (this.agents.forget(name)) this.#restage(name)
  }

  /**
   * Takes a backend out for a while, unless it is the last or others are out. When it will be back, in milliseconds since
   * the epoch; undefined: it was not taken out.
   */
  eject(name: string, reason: string): number | undefined {
    const servers = this.servers()
    servers.delete(name)
    const scene = { backends: this.size, others: servers.size }
    const ms = this.health.ejections?.eject(name, performance.now(), scene)
    if (ms === undefined) return undefined
    const until = this.health.eject(name, reason, ms)
    this.#restage(name)
    return until
  }

  /** Lets a backend back in that was ejected; false: it was not. */
  readmit(name: string): boolean {
    if (this.health.ejections?.readmit(name, performance.now()) !== true) return false
    this.health.readmit(name)
    this.#restage(name)
    return true
  }

  /** From now on who serves again warms up: that all begin at one time is no reason to. */
  startSlowly(isSlow: boolean): void {
    this.#isSlow = isSlow
  }

  /** Lets those that warm up take as many clients as it is time for; names of those that are not warm yet. */
  warmUp(): string[] {
    const names = this.#slowStart.names(performance.now())
    for (const name of names) this.#restage(name)
    return names.filter(name => this.rampOf(name) < 1)
  }

  /** The part of its clients that a backend takes; 1: it is warm. */
  rampOf(name: string): number {
    return this.#slowStart.rampOf(name, performance.now()) / FULL_RAMP
  }

  /** Publishes what checks found, at once: nobody is told what sessions do not follow yet. */
  publishHealth(): void {
    if (this.#closed || !this.#isPublishing) return
    this.#publish(this.native)
  }

  /** Whether a backend is there and the host name of its address was looked up. */
  knows(name: string, address: BackendAddress): boolean {
    const backend = this.#backends.get(name)
    return backend?.endpoint !== undefined && formatAddress(backend.address) === formatAddress(address)
  }

  /**
   * Makes the pool ready for sessions: looks up the host names of backends that were not looked up yet, each once.
   * Rejects with the error of the first that fails.
   */
  async prepare(): Promise<void> {
    const { native } = this
    const waiting = [...this.#backends.values()].filter(backend => backend.endpoint === undefined)
    const hosts = await lookUp(waiting)
    if (this.#closed || waiting.length === 0) return
    for (const backend of waiting) {
      // Somebody may have changed or removed it meanwhile.
      if (this.#backends.get(backend.name) !== backend) continue
      const known = recordOf(backend, undefined, hosts)
      this.#backends.set(known.name, known)
      this.#stage(native, known)
    }
    native.publish()
  }

  /** The backend as it would be, with these answers for host names. */
  recordOf(backend: ResolvedBackend, hosts: Hosts): BackendRecord {
    return recordOf(backend, this.#backends.get(backend.name), hosts)
  }

  /** Those of these backends whose host names this pool has not looked up. */
  unknownHosts(backends: readonly ResolvedBackend[]): ResolvedBackend[] {
    return backends.filter(({ name, address }) => address.kind === 'name' && !this.knows(name, address))
  }

  /** Releases the native pool. Idempotent. */
  close(): void {
    this.#closed = true
    this.#tableFile?.close()
    this.#tableFile = undefined
    this.#native?.close()
    if (this.#beside !== undefined) rmSync(this.#beside, { force: true })
  }

  /** Before the pool is used: the file of its table is another process's, so that it begins a new one beside it. */
  borrowFile(): void {
    const file = this.settings.stickTable?.file
    if (file === undefined || this.#native !== undefined) return
    this.#beside = nextOf(file)
    // Of an attempt that was killed.
    rmSync(this.#beside, { force: true })
  }

  /**
   * The other process has left: its file gives way to the new one, in one step.
   *
   * @throws errors of `fs`
   */
  placeFile(): void {
    const file = this.settings.stickTable?.file
    if (this.#beside === undefined || file === undefined) return
    // The other process may have done so.
    if (existsSync(this.#beside)) renameSync(this.#beside, file)
    this.#beside = undefined
  }

  get #hasChecks(): boolean {
    return [...this.#backends.values()].some(backend => this.checksOf(backend) !== undefined)
  }

  #republish(): void {
    const { native } = this
    for (const backend of this.#backends.values()) this.#stage(native, backend)
    this.#publish(native)
  }

  #restage(name: string): void {
    const backend = this.#backends.get(name)
    if (this.#closed || backend === undefined) return
    this.#stage(this.native, backend)
    if (this.#isPublishing) return
    this.#isPublishing = true
    // A roster is made anew as a whole: not once for each of a thousand backends that fail together.
    setImmediate(() => this.publishHealth())
  }

  /** Publishes what was staged; where checks are believed no more, or again, every backend is another one. */
  #publish(native: NativePool): void {
    this.#isPublishing = false
    const isFlipped =
      this.health.isWatched && this.health.review([...this.#backends.values()].map(backend => this.#wanted(backend)))
    if (isFlipped) for (const backend of this.#backends.values()) this.#stage(native, backend)
    native.publish()
    if (isFlipped) this.onFailOpen(this.health.isFailOpen)
  }

  #open(): NativePool {
    const pool = makeNativePool(this.settings, this.#secrets, this.#beside ?? this.settings.stickTable?.file)
    for (const backend of this.#backends.values()) {
      if (!this.#stage(pool, backend)) throw new RangeError(`the pool ${this.name} has too many backends`)
    }
    pool.publish()
    if (this.settings.limits.queue.size > 0) pool.onTurn(handle => this.turns.get(handle)?.())
    this.#tableFile = TableFile.of(pool, this.settings)
    return pool
  }

  /** With what its agent wants, too. */
  #wanted(backend: BackendRecord): BackendRecord {
    const state = this.agents.wanted(backend)
    return state === backend.state ? backend : { ...backend, state }
  }

  /** One that drained is as warm as it was. */
  #noteServed(name: string, served: number): void {
    const isBack =
      served === NativeBackendState.ready &&
      (this.#served.get(name) ?? NativeBackendState.down) === NativeBackendState.down
    if ((this.#served.get(name) === NativeBackendState.ready) !== (served === NativeBackendState.ready))
      this.onServed(name, served === NativeBackendState.ready)
    this.#served.set(name, served)
    if (isBack && this.#isSlow) this.#slowStart.begin(name, performance.now())
    if (served === NativeBackendState.down) this.#slowStart.end(name)
  }

  #unstage(backends: readonly BackendRecord[]): void {
    for (const { name } of backends) {
      this.native.removeBackend(name)
      this.#indexes.delete(name)
      this.#served.delete(name)
      this.#slowStart.end(name)
    }
  }

  #stage(pool: NativePool, backend: BackendRecord): boolean {
    const { name, weight, backup, endpoint } = backend
    // An endpoint that is not known yet has no host; picks may name the backend, no relay connects to it.
    const host = endpoint === undefined ? '' : endpoint.kind === 'unix' ? formatAddress(endpoint) : endpoint.host
    const port = endpoint?.kind === 'ip' ? endpoint.port : 0
    const served = servedBy(this.#wanted(backend), this.health)
    this.#noteServed(name, served)
    const ramp = Math.max(1, Math.round(this.rampOf(name) * this.agents.shareOf(name) * FULL_RAMP))
    const maxSessions = this.agents.limitOf(backend)
    const identity = pool.setBackend(name, weight, maxSessions, served, host, port, backup, ramp)
    if (identity < 0) return false
    const [index, generation] = [identity % INDEXES, Math.floor(identity / INDEXES)]
    this.#byIndex[index] = { backend, generation, before: ownerBefore(this.#byIndex[index], generation) }
    this.#indexes.set(name, index)
    return true
  }
}

function ownerBefore(owner: Owner | undefined, generation: number): Owner['before'] {
  if (owner === undefined || owner.generation === generation) return owner?.before
  return { name: owner.backend.name, generation: owner.generation }
}
