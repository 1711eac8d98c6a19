import { type HeadKeys, headKeysOf } from '../affinity/head-keys.ts'
import { type HotBy, hotByOf } from '../affinity/hot-keys.ts'
import { type BackendAddress, formatAddress } from '../config/address.ts'
import { checksOf } from '../config/backend-health.ts'
import type { ResolvedBackend, ResolvedBackendHealth, ResolvedHealth, ResolvedPool } from '../config/resolved.ts'
import { DerivedSecrets, type DigestInput, digest } from '../config/secrets.ts'
import { PoolCookie } from '../cookies/pool-cookie.ts'
import type { Discovery } from '../discovery/discovery.ts'
import { LimpetError } from '../errors.ts'
import type { NativePlacement, NativePool } from '../native.ts'
import type { RebalanceInfo } from '../sessions/rebalancer.ts'
import type { PoolAgents } from './agents.ts'
import { type BackendFailures, type BackendFigures, countPins, readFigures, takeFailures } from './figures.ts'
import type { PoolHealth } from './health.ts'
import type { MembershipChange } from './membership.ts'
import { Moves } from './moves.ts'
import { limitsOf, makeNativePool, makePlacement } from './native-pool.ts'
import { PeerSessions } from './peer-sessions.ts'
import { type BackendRecord, type Hosts, isSameEndpoint, lookUp, recordOf } from './records.ts'
import { BackendReports } from './reports.ts'
import { Serving } from './serving.ts'
import { Staging } from './staging.ts'
import { TableFile } from './table-file.ts'
import { TablePlace } from './table-place.ts'

/** A change that can be committed. */
export interface PreparedChange {
  readonly records: readonly BackendRecord[]
  readonly added: readonly BackendRecord[]
  readonly removed: readonly string[]
}

/** A pool without its public face: its backends, and the native pool, which is made when it is first needed. */
export class PoolCore {
  #settings: ResolvedPool
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
  readonly #serving: Serving
  readonly #staging: Staging
  /** Takes what checks, agents and sessions tell of its backends. */
  readonly reports: BackendReports
  /** What balancers of a cluster tell each other of its backends. */
  readonly peers: PeerSessions
  /** Found out once for each that has checks of its own: rosters ask for them. */
  #checks = new WeakMap<ResolvedBackendHealth, ResolvedHealth>()
  readonly #secrets: DerivedSecrets
  readonly #backends = new Map<string, BackendRecord>()
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
  readonly #tablePlace = new TablePlace()
  #closed = false
  #retired = false

  constructor(settings: ResolvedPool) {
    this.#settings = settings
    this.#serving = new Serving(
      settings,
      backend => this.checksOf(backend),
      (name, isReady) => this.onServed(name, isReady),
    )
    this.#staging = new Staging(this, this.#serving)
    this.reports = new BackendReports(this.#staging, this.#serving)
    this.peers = new PeerSessions(this, this.#staging.indexes)
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

  /** What checks say; {@link PoolCore.reports} change it. */
  get health(): PoolHealth {
    return this.#serving.health
  }

  /** What agents say; as {@link PoolCore.health}. */
  get agents(): PoolAgents {
    return this.#serving.agents
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
    return this.digestWith(this.#backends.values())
  }

  /** The same with other backends. */
  digestWith(backends: DigestInput['backends']): string {
    const { placement, affinity } = this.settings
    return digest(this.#secrets.digest, { placement, ...affinity, backends })
  }

  /** 16 hex digits of what keys are made by: secret and prefixes. */
  get keyDigest(): string {
    const { ipv4Prefix, ipv6Prefix } = this.settings.affinity
    // With auto, keys are those of 64.
    const keys = { ipv4Prefix, ipv6Prefix: ipv6Prefix || 64 }
    return digest(this.#secrets.digest, { placement: 'rendezvous', ...keys, backends: [] })
  }

  /** Seals the keys of exceptions that balancers share. */
  get clusterSecret(): Uint8Array {
    return this.#secrets.cluster
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
    const unchecked = [...this.#backends.values()].filter(backend => this.checksOf(backend) === undefined)
    this.#settings = settings
    this.#checks = new WeakMap()
    // Until the first checks say otherwise, who served without them is up.
    for (const backend of unchecked) {
      if (this.checksOf(backend) !== undefined) this.health.set(backend.name, true, 'it served before the checks')
    }
    this.#serving.configure(settings)
    this.native.setLimits(settings.boundMilli, limitsOf(settings))
    if (settings.boundScope === 'local') this.peers.set(new Map())
    this.#staging.republish()
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
    const backend = this.#staging.indexes.at(index)
    if (backend === undefined) throw new RangeError(`the pool ${this.name} has no backend ${index}`)
    return backend
  }

  /** Where the native pool has a backend; undefined: nowhere. */
  placeOf(name: string): { index: number; generation: number } | undefined {
    this.assertOpen()
    // Made when it is first needed.
    void this.native
    return this.#staging.indexes.placeOf(name)
  }

  /**
   * Name of the backend that had an index when a session record was written, a moment ago; undefined: the index has had
   * two more owners since.
   */
  backendNamed(index: number, generation: number): string | undefined {
    return this.#staging.indexes.nameOf(index, generation)
  }

  /** What is on each backend now, by name. */
  figures(): (name: string) => BackendFigures {
    return readFigures(this.native, this.#staging.indexes)
  }

  /** Who had so many failures in a row since the last time. */
  takeFailures(atLeast: number): BackendFailures[] {
    return takeFailures(this.native, this.#staging.indexes, atLeast)
  }

  /** Names of the backends that take new clients now, backups also while others do. */
  servers(): Set<string> {
    return this.#staging.servers()
  }

  /** What a backend serves, as it was staged last: a number of `NativeBackendState`. */
  servedAs(name: string): number {
    return this.#serving.stagedOf(name)
  }

  /** Pins to each backend now, by name, estimated from so many buckets of the table if it has more. */
  pins(mostBuckets: number): (name: string) => number {
    return countPins(this.native, this.#staging.indexes, mostBuckets)
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
      if (this.#staging.stage(this.native, backend)) continue
      for (const { name } of added.slice(0, at)) this.#staging.unstage(name)
      return undefined
    }
    return { records, added, removed }
  }

  withdraw({ added }: PreparedChange): void {
    for (const { name } of added) this.#staging.unstage(name)
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
      this.#staging.stage(native, next)
    }
    for (const name of removed) {
      this.#staging.unstage(name)
      this.#backends.delete(name)
      this.onServed(name, false)
      this.health.forget(name)
      this.agents.forget(name)
    }
    this.#cookie?.setBackends(this.#backends.keys())
    this.#staging.publish(native)
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

  /** The part of its clients that a backend takes; 1: it is warm. */
  rampOf(name: string): number {
    return this.#serving.rampOf(name)
  }

  /** Publishes what checks found, at once: nobody is told what sessions do not follow yet. */
  publishHealth(): void {
    this.#staging.publishRestaged()
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
      this.#staging.stage(native, known)
    }
    native.publish()
  }

  /** The backend as it would be, with these answers for host names. */
  recordOf(backend: ResolvedBackend, hosts: Hosts): BackendRecord {
    return recordOf(backend, this.#backends.get(backend.name), hosts)
  }

  /** Releases the native pool. Idempotent. */
  close(): void {
    this.#closed = true
    this.#tableFile?.close()
    this.#tableFile = undefined
    this.#native?.close()
    this.#tablePlace.close()
  }

  /** Before the pool is used: the file of its table is another process's, so that it begins a new one beside it. */
  borrowFile(): void {
    const file = this.settings.stickTable?.file
    if (file !== undefined && this.#native === undefined) this.#tablePlace.borrow(file)
  }

  /**
   * The other process has left: its file gives way to the new one, in one step.
   *
   * @throws errors of `fs`
   */
  placeFile(): void {
    const file = this.settings.stickTable?.file
    if (file !== undefined) this.#tablePlace.take(file)
  }

  #open(): NativePool {
    const pool = makeNativePool(this.settings, this.#secrets, this.#tablePlace.path(this.settings.stickTable?.file))
    for (const backend of this.#backends.values()) {
      if (!this.#staging.stage(pool, backend)) throw new RangeError(`the pool ${this.name} has too many backends`)
    }
    pool.publish()
    if (this.settings.limits.queue.size > 0) pool.onTurn(handle => this.turns.get(handle)?.())
    this.#tableFile = TableFile.of(pool, this.settings)
    return pool
  }
}
