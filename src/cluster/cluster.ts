import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { clusterText, type ResolvedCluster, storeOf } from '../config/cluster.ts'
import { throwIfAborted } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { VERSION } from '../package-info.ts'
import type { PoolCore } from '../pool/core.ts'
import { Exchange } from './exceptions/exchange.ts'
import { PoolSharing } from './exceptions/pool-sharing.ts'
import { Traffic } from './exceptions/traffic.ts'
import { DifferenceReport } from './members/difference-report.ts'
import { SharedLoads } from './members/loads.ts'
import { BEAT_MS, Members } from './members/members.ts'
import type { Rosters } from './rosters/rosters.ts'
import { RosterStore } from './rosters/store.ts'
import type { ClusterStatus } from './status.ts'
import { openLink, type StoreLink } from './store/link.ts'
import { StoreKeys } from './store/store-keys.ts'
import { ClusterSwitches, type NextBackends } from './switches/cluster-switches.ts'

/** From turn to turn of the exchange: about how long it is until other balancers know of an exception. */
const TURN_MS = 100
/** Until a lost store is tried again, the first time and at most; half of it is up to chance. */
const RETRY_MS = { min: 200, max: 5000 }
/** How long the last words may take. */
const LEAVE_MS = 500

/** The balancer, as far as it matters here. */
export interface ClusterOwner {
  /** Undefined: backends are changed at each balancer. */
  rosters: Rosters | undefined
  /** Whether another process takes its place, which counts the sessions that are left here. */
  isReplaced: () => boolean
}

/**
 * What a balancer has with others: the exceptions that it shares with them, and what it knows of them. No client waits for
 * any of it: whatever becomes of the store, the tables are as they are.
 */
export class Cluster {
  readonly #settings: ResolvedCluster
  readonly #cores: ReadonlyMap<string, PoolCore>
  readonly #log: Log
  readonly #pools = new Map<string, PoolSharing>()
  readonly #followed = new WeakSet<PoolCore>()
  readonly #traffic = new Traffic()
  readonly #members: Members
  readonly #rosters: Rosters | undefined
  readonly #switches: ClusterSwitches
  readonly #loads: SharedLoads
  readonly #differences: DifferenceReport
  #over = new AbortController()
  #running: Promise<void> | undefined
  #open: OpenStore | undefined
  readonly #incarnations: string[] = []
  /** What was adopted is not all that there is for the pools and backends of now. */
  #isLacking = false
  /** Exceptions of unknown backends, at the last change. */
  #unknown = 0
  #isSynced = false
  #onSynced: () => void = () => undefined
  #error: string | undefined
  #failures = 0
  #resyncs = 0

  /**
   * @param cores - those that there are, also when it is looked at later
   */
  constructor(
    settings: ResolvedCluster,
    cores: ReadonlyMap<string, PoolCore>,
    log: Log,
    { rosters, isReplaced }: ClusterOwner,
  ) {
    this.#settings = settings
    this.#cores = cores
    this.#log = log
    this.#members = new Members(cores, randomBytes(8).toString('hex'), VERSION, () => rosters?.versions())
    this.#rosters = rosters
    this.#differences = new DifferenceReport(log)
    this.#loads = new SharedLoads(cores, this.#members.id, isReplaced)
    this.#switches = new ClusterSwitches(this.#pools, this.#members, settings.switchTimeout, log)
  }

  /**
   * Before the first client: notes exceptions from now on, and waits until those of others, and shared rosters, are here, and
   * those that come about where others have other backends, as long as `startTimeout` at most.
   *
   * @throws the reason of the signal
   */
  async start(signal: AbortSignal): Promise<void> {
    this.#over = new AbortController()
    this.#switches.open()
    this.#followPools()
    this.#rosters?.begin()
    const synced = new Promise<void>(resolve => {
      this.#onSynced = resolve
    })
    this.#running = this.#run(this.#over.signal)
    const { startTimeout } = this.#settings
    const late = new AbortController()
    const either = AbortSignal.any([signal, late.signal])
    const ready = synced.then(() => this.#switches.beforeStart(this.#cores.values()))
    await Promise.race([ready, sleep(startTimeout, undefined, { signal: either, ref: true }).catch(() => undefined)])
    late.abort()
    throwIfAborted(signal)
    this.#rosters?.serve()
    if (!this.#isSynced)
      this.#log.warn(
        { cluster: clusterText(this.#settings), reason: this.#error ?? `no answer within ${startTimeout} ms` },
        'the exceptions of other balancers are not known yet: clients that have one may be sent elsewhere',
      )
  }

  /**
   * Before pools get other backends: resolves when every balancer has told which of its clients stay where they are, and after
   * `switchTimeout` at the latest; at once, where no home moves, or the store is away. Never rejects.
   */
  async beforeChange(changes: readonly NextBackends[]): Promise<void> {
    await this.#switches.beforeChange(changes)
  }

  /** Backends of these pools were changed: pins may be exceptions now that were none, and those of others may be known now. */
  changed(cores: readonly PoolCore[]): void {
    this.#followPools()
    this.#switches.changed()
    const { unknown } = this.#traffic.adopted
    if (unknown !== this.#unknown) this.#isLacking = true
    this.#unknown = unknown
    for (const { name } of cores) this.#pools.get(name)?.want('roster')
  }

  /** Says good-bye where that is quickly done. Idempotent. */
  async stop(): Promise<void> {
    this.#switches.close()
    this.#over.abort()
    await this.#running
    if (this.#open !== undefined)
      await Promise.race([this.#leave(this.#open), sleep(LEAVE_MS, undefined, { ref: false })])
    this.#close()
  }

  status(): ClusterStatus {
    const backlogs = [...this.#pools.values()].map(sharing => sharing.backlog)
    const { published, ended, lostRaces, refused, adopted, refusal } = this.#traffic
    const error = this.#error ?? refusal
    return {
      store: clusterText(this.#settings),
      isSynced: this.#isSynced,
      ...(error === undefined ? {} : { error }),
      member: this.#members.name,
      members: this.#members.others.map(member => ({ ...member, differences: [...member.differences] })),
      backlog: backlogs.reduce((sum, { waiting }) => sum + waiting, 0),
      dropped: backlogs.reduce((sum, { dropped }) => sum + dropped, 0),
      published,
      ended,
      lostRaces,
      refused,
      adopted: { ...adopted },
      failures: this.#failures,
      resyncs: this.#resyncs,
      rosters: this.#rosters?.status() ?? [],
    }
  }

  #followPools(): void {
    for (const name of this.#pools.keys()) if (!this.#cores.has(name)) this.#pools.delete(name)
    for (const core of this.#cores.values()) {
      if (this.#followed.has(core)) continue
      this.#followed.add(core)
      const sharing = PoolSharing.of(core)
      if (sharing === undefined) this.#pools.delete(core.name)
      else this.#pools.set(core.name, sharing)
      this.#isLacking = true
    }
  }

  async #leave({ exchange, link, keys }: OpenStore): Promise<void> {
    try {
      await exchange.tellRest()
      await this.#members.leave(link, keys)
    } catch (error) {
      this.#log.debug({ reason: (error as Error).message }, 'the store was not told of the end')
    }
  }

  /** Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#exchange(signal, () => {
          failures = 0
        })
      } catch (error) {
        if (signal.aborted) return
        this.#failed(error as Error)
        this.#loads.away()
      }
      const delay = Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** failures++)
      await sleep(delay * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  /** One connection, from its beginning to its end. */
  async #exchange(signal: AbortSignal, synced: () => void): Promise<void> {
    let lose: (error: Error) => void = () => undefined
    const lost = new Promise<never>((_, reject) => {
      lose = reject
    })
    lost.catch(() => undefined)
    const link = await openLink(storeOf(this.#settings), { ca: this.#settings.ca, lost: error => lose(error), signal })
    const keys = new StoreKeys(this.#settings, link.shards)
    const exchange = new Exchange({
      link,
      keys,
      id: this.#members.id,
      pools: this.#pools,
      traffic: this.#traffic,
      incarnations: this.#incarnations,
    })
    this.#open = { link, keys, exchange }
    this.#traffic.forgive()
    let stop: () => void = () => undefined
    const stopped = new Promise<void>(resolve => {
      stop = resolve
    })
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    try {
      await Promise.race([this.#talk(this.#open, signal, synced), lost, stopped])
    } finally {
      signal.removeEventListener('abort', stop)
      // Whoever stops has something to say yet.
      if (!signal.aborted) this.#close()
    }
  }

  async #talk(open: OpenStore, signal: AbortSignal, synced: () => void): Promise<void> {
    const { exchange } = open
    const wanted = (await exchange.wasEmptied()) ? 'all' : 'roster'
    this.#isLacking = false
    // First: which clients are exceptions depends on the backends.
    await this.#rosters?.open(new RosterStore(open.link, open.keys))
    await exchange.snapshot()
    for (const sharing of this.#pools.values()) sharing.want(wanted)
    this.#members.forgotten()
    await this.#beat(open)
    synced()
    this.#switches.use(open)
    this.#synced()
    let beatAt = performance.now() + BEAT_MS
    // Homes are different while only some have changed their backends.
    let lookAt = 0
    while (!signal.aborted) {
      if (this.#isLacking) exchange.missed()
      this.#isLacking = false
      const hasMore = await exchange.turn(TURN_MS)
      await this.#switches.turn(exchange.hasRead)
      if (performance.now() >= lookAt) {
        lookAt = performance.now() + TURN_MS
        await this.#rosters?.look()
      }
      if (performance.now() >= beatAt) {
        beatAt = performance.now() + BEAT_MS
        if (await exchange.wasEmptied()) this.#emptied()
        await this.#beat(open)
      }
      if (!hasMore) await sleep(TURN_MS, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  /** A store that does not take it may still take exceptions, and has some. */
  async #beat({ link, keys }: OpenStore): Promise<void> {
    try {
      await this.#members.beat(link, keys)
      this.#differences.look(this.#members.others)
      await this.#loads.beat(link, keys)
      this.#traffic.took('member')
    } catch (error) {
      if (!link.isOpen) throw error
      this.#traffic.complain('member', error as Error)
      this.#loads.away()
    }
  }

  #close(): void {
    this.#open?.link.close()
    this.#open = undefined
    this.#isSynced = false
    this.#rosters?.lost()
    this.#switches.use(undefined)
    this.#members.lost()
  }

  #synced(): void {
    const wasAway = this.#error !== undefined
    this.#isSynced = true
    this.#error = undefined
    this.#resyncs++
    this.#onSynced()
    const facts = { cluster: clusterText(this.#settings), members: this.#members.live + 1 }
    if (wasAway || this.#resyncs === 1) this.#log.info(facts, 'exceptions are shared')
  }

  #emptied(): void {
    this.#log.warn({ cluster: clusterText(this.#settings) }, 'the store was emptied: it is told all exceptions again')
    this.#members.forgotten()
    for (const sharing of this.#pools.values()) sharing.want('all')
  }

  #failed(error: Error): void {
    const isNew = error.message !== this.#error
    this.#failures++
    this.#error = error.message
    const facts = { cluster: clusterText(this.#settings), reason: error.message }
    if (isNew)
      this.#log.warn(facts, 'the store cannot be used: exceptions are not shared, clients are served as before')
    else this.#log.debug(facts, 'the store still cannot be used')
  }
}

/** One connection. */
interface OpenStore {
  link: StoreLink
  keys: StoreKeys
  exchange: Exchange
}
