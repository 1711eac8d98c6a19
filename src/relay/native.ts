import type { AddressInfo, Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { systemError } from '../errors.ts'
import {
  HandOver,
  type NativeAddon,
  type NativeListenPlace,
  type NativeRelay,
  native,
  RECORD_BYTES,
  SESSION_COUNTERS,
} from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import { type LiveSession, matchesFilter, type SessionFilter, type SessionInfo } from '../sessions/info.ts'
import { noSessions, type SessionCounts, sumColumns } from './counters.ts'
import { DurationColumns } from './durations.ts'
import { setOutgoing } from './outgoing.ts'
import { decodeRecord, type SessionRecord } from './record.ts'
import type { SessionFeed, SessionOpened } from './session-feed.ts'
import type { KnownClient } from './session-owner.ts'
import { type SessionSettings, sessionSettings } from './session-settings.ts'
import type { StreamSession } from './stream-session.ts'
import { type SessionSight, type SurveyOf, Surveyor } from './survey.ts'
import type { Target } from './target.ts'

/** Of one relay, whatever the machine has. */
const MOST_AUTO_THREADS = 4
const DRAIN_EVERY_MS = 50
const RECORDS_AT_ONCE = 512
/** More in one turn of the event loop would hold up everything else; the rest waits for the next. */
const MOST_BATCHES = 32
const NO_KEY = Buffer.alloc(0)
/** Of a survey: whichever pool or listener. */
const ANY = -1

/** Whether this platform has the native relay. */
export function hasNativeRelay(): boolean {
  return native().Relay !== undefined
}

/** The listen socket of a target, as its acceptor uses it; see {@link NativeRelay}. */
export interface NativeListener {
  listen(...place: NativeListenPlace): number
  accept(): void
  address(): AddressInfo | null
  adopt(fd: number): number
  /** Takes a copy of the listen socket of another one. */
  share(from: number): number
  /** Its number in the relay. */
  readonly id: number
  fd(): number
  unlisten(how: number): boolean
}

/** The native relay of one balancer: its pools and targets, and the records that it writes. */
export class NativeRelayHost {
  readonly #relay: NativeRelay
  readonly #feed: SessionFeed
  /** The last one of each pool; it has another one for other timeouts. */
  readonly #poolIds = new Map<PoolCore, number>()
  readonly #pools: RelayPool[] = []
  readonly #targets: Target[] = []
  /** Those that nobody comes to any more. */
  readonly #retired = new Set<Target>()
  /** Ids of those whose clients the relay's threads accept. */
  readonly #accepting: number[] = []
  readonly #surveyor: Surveyor
  readonly #stopWatching: () => void
  readonly #buffer = Buffer.alloc(RECORDS_AT_ONCE * RECORD_BYTES)
  #drainTimer: NodeJS.Timeout | undefined

  /** Starts the threads; 0: as many as fit the machine. */
  constructor(feed: SessionFeed, threads: number) {
    const { Relay } = native()
    if (Relay === undefined) throw new TypeError('this platform has no native relay')
    this.#relay = startRelay(Relay, threads || Math.min(availableParallelism(), MOST_AUTO_THREADS))
    this.#surveyor = new Surveyor(this.#relay)
    this.#feed = feed
    this.#stopWatching = feed.watch(() => this.#tellWhetherWanted())
  }

  /** Sessions that live now. */
  get sessions(): number {
    return this.#relay.sessions(-1)
  }

  get counts(): SessionCounts {
    const { counters, counterStride } = this.#relay
    return counters.length === 0 ? noSessions() : sumColumns(counters, counterStride, SESSION_COUNTERS)
  }

  get durations(): DurationColumns {
    return new DurationColumns().addRows(this.#relay.counters, this.#relay.counterStride)
  }

  /** Makes a target known. `hasOptions`: its sockets have TCP_NODELAY and keepalive from their listen socket. */
  add(target: Target, hasOptions: boolean): number {
    const { maxSessions, filter, nativeIdBefore, peek, proxy } = target
    const poolId = this.#poolId(target)
    const listener = [maxSessions, hasOptions, filter, nativeIdBefore, peek.bytes, peek.timeout] as const
    const id = this.#relay.addListener(poolId, ...listener, proxy?.trust, proxy?.timeout)
    this.#targets[id] = target
    target.nativeId = id
    const { routes } = target
    if (routes?.rules !== undefined) {
      this.#relay.setRoutes(
        id,
        routes.rules,
        Uint32Array.from(routes.to, one => this.#poolId(one)),
      )
    }
    return id
  }

  /** Makes a target known whose clients are accepted here. Sockets may be handed over as well. */
  addAccepting(target: Target): NativeListener {
    const id = this.add(target, false)
    this.#accepting.push(id)
    target.watchStreamSessions(sessions => this.#relay.setOthers(id, sessions))
    this.#tellWhetherWanted()
    return {
      listen: (...place) => this.#relay.listen(id, ...place),
      accept: () => this.#relay.accept(id),
      address: () => this.#relay.address(id),
      adopt: fd => this.#relay.adopt(id, fd),
      share: from => this.#relay.share(id, from),
      id,
      fd: () => this.#relay.socket(id),
      unlisten: how => this.#relay.unlisten(id, how),
    }
  }

  /** Sessions of a target that live now. */
  sessionsOf({ nativeId }: Target): number {
    return nativeId === undefined ? 0 : this.#relay.sessions(nativeId)
  }

  /** Nobody comes to this target any more; its sessions go on. */
  retire(target: Target): void {
    const id = target.nativeId
    if (id === undefined) return
    for (const one of target.all) this.#retired.add(one)
    target.unwatchStreamSessions()
    const at = this.#accepting.indexOf(id)
    if (at >= 0) this.#accepting.splice(at, 1)
  }

  /** Lets go of pools whose sessions have ended, if nobody comes any more; whether there is one of this pool still. */
  uses(core: PoolCore): boolean {
    let isUsed = false
    for (const [id, pool] of this.#pools.entries()) {
      if (pool.core !== core || pool.isFree) continue
      pool.isFree = pool.targets.every(target => this.#retired.has(target)) && this.#relay.letGo(id)
      isUsed ||= !pool.isFree
      if (pool.isFree && this.#poolIds.get(core) === id) this.#poolIds.delete(core)
    }
    return isUsed
  }

  /** Takes a client, whose socket is closed here in any case. False: refused and counted. */
  take(targetId: number, client: Socket, fd: number): boolean {
    const head: Buffer | null = client.readableLength > 0 ? client.read() : null
    const record = this.#feed.wanted
    const status = this.#relay.handOver(targetId, fd, head ?? undefined, record)
    client.destroy()
    if (record) this.#startDraining()
    return status === HandOver.taken
  }

  /** Takes a client whose key is known, with the place in the budget of descriptors that its session has. False: it cannot. */
  passOn(targetId: number, fd: number, session: StreamSession, { socket, head, key, named }: KnownClient): boolean {
    const { isTold, startedAt, proxied, lookMs } = session
    // Past the limit of what is looked at.
    const rest: Buffer | null = socket.readableLength > 0 ? socket.read(socket.readableLength) : null
    const all = rest === null ? head : Buffer.concat([head, rest])
    const known = typeof key === 'string' ? undefined : (key ?? NO_KEY)
    const waitedMs = Math.round(performance.now() - startedAt)
    const { index, generation } = named ?? {}
    if (!this.#relay.passOn(targetId, fd, all, known, waitedMs, lookMs, isTold, index, generation, proxied?.bytes)) {
      if (rest !== null) socket.unshift(rest)
      return false
    }
    socket.destroy()
    if (isTold) this.#startDraining()
    return true
  }

  /** Those that live, as they are found. */
  async *live(filter: SessionFilter): AsyncGenerator<LiveSession> {
    const of = this.#surveyOf(filter)
    // Nobody of that pool or listener was ever here.
    if (of === undefined) return
    for await (const sights of this.#surveyor.look(of)) {
      for (const sight of sights) {
        const info = this.#infoOf(sight)
        if (matchesFilter(info, filter)) yield { info, close: () => this.#surveyor.close(sight) }
      }
    }
  }

  /** Ends every session; they are gone a moment later. */
  cut(): void {
    this.#relay.cutSessions()
  }

  /** Ends what is left, and the threads. */
  stop(): void {
    this.#stopWatching()
    this.#relay.stop()
    clearInterval(this.#drainTimer)
    // No thread writes any more.
    while (this.#drain() > 0);
  }

  #poolId(target: Target): number {
    const { pool: core, timeouts, retries } = target
    const session = sessionSettings(target)
    const known = this.#poolIds.get(core)
    const last = known === undefined ? undefined : this.#pools[known]
    if (known !== undefined && last !== undefined && isDeepStrictEqual(last.session, session)) {
      last.targets.push(target)
      return known
    }
    const { connect, idle, fin, keepalive } = timeouts
    const id = this.#relay.addPool(
      core.native,
      connect,
      idle,
      fin,
      retries,
      keepalive.idle / 1000,
      keepalive.interval / 1000,
      keepalive.count,
      keepalive.userTimeout,
      core.headKeys?.keys,
      core.headKeys?.fallback,
      typeof core.hotBy === 'object' ? core.hotBy.keys : undefined,
      core.hotBy === 'address',
    )
    setOutgoing(this.#relay, id, target)
    this.#poolIds.set(core, id)
    this.#pools[id] = { core, session, targets: [target], isFree: false }
    return id
  }

  /** Threads that accept cannot ask for every client. */
  #tellWhetherWanted(): void {
    const { wanted } = this.#feed
    for (const id of this.#accepting) this.#relay.setRecord(id, wanted)
    if (wanted && this.#accepting.length > 0) this.#startDraining()
  }

  #startDraining(): void {
    if (this.#drainTimer !== undefined) return
    this.#drainTimer = setInterval(() => this.#drainOrRest(), DRAIN_EVERY_MS).unref()
  }

  #drainOrRest(): void {
    const isIdle = this.#relay.sessions(-1) === 0 && !(this.#accepting.length > 0 && this.#feed.wanted)
    if (this.#drain() > 0 || !isIdle) return
    clearInterval(this.#drainTimer)
    this.#drainTimer = undefined
  }

  #drain(): number {
    let total = 0
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const count = this.#relay.drainRecords(this.#buffer)
      for (let index = 0; index < count; index++) this.#tell(decodeRecord(this.#buffer, index * RECORD_BYTES))
      total += count
      if (count < RECORDS_AT_ONCE) break
    }
    return total
  }

  #tell(record: SessionRecord): void {
    const { cause, bytesToBackend, bytesToClient, durationMs } = record
    const session = this.#facts(record)
    if (cause === undefined) this.#feed.opened(session)
    else this.#feed.closed({ ...session, cause, bytesToBackend, bytesToClient, durationMs })
  }

  #surveyOf({ pool, listener }: SessionFilter): SurveyOf | undefined {
    const poolId = onlyId(this.#pools, pool, ({ core }) => core.name)
    const listenerId = onlyId(this.#targets, listener, target => target.listener)
    return poolId === undefined || listenerId === undefined ? undefined : { poolId, listenerId }
  }

  #infoOf({ record, idleMs }: SessionSight): SessionInfo {
    const { time, ...facts } = this.#facts(record)
    const { kind, durationMs, bytesToBackend, bytesToClient } = record
    const state = kind === 'connecting' ? kind : 'open'
    return { ...facts, state, since: time - durationMs, idleMs, bytesToBackend, bytesToClient }
  }

  #facts(record: SessionRecord): SessionOpened {
    const pool = this.#pools[record.poolId]?.core
    const { backendIndex, backendGeneration, clientAddress } = record
    return {
      id: String(record.sessionId),
      time: Date.now() - Math.max(0, Math.round(monotonicMs() - record.monotonicMs)),
      relay: 'native',
      listener: this.#targets[record.listenerId]?.listener,
      pool: pool?.name ?? '',
      clientAddress,
      clientPort: clientAddress === undefined ? undefined : record.clientPort,
      backend: backendIndex === undefined ? undefined : pool?.backendNamed(backendIndex, backendGeneration),
      reason: record.reason,
      connectMs: record.connectMicros / 1000,
    }
  }
}

/** A pool as the relay has it: with the settings that some of its sessions have. */
interface RelayPool {
  core: PoolCore
  session: SessionSettings
  targets: Target[]
  /** The relay does not have it any more. */
  isFree: boolean
}

/** The id of the one of a name; any, if there are more, or none is asked for. Undefined: there is none. */
function onlyId<T>(
  all: readonly T[],
  name: string | undefined,
  nameOf: (one: T) => string | undefined,
): number | undefined {
  if (name === undefined) return ANY
  const ids = [...all.keys()].filter(id => nameOf(all[id] as T) === name)
  return ids.length > 1 ? ANY : ids[0]
}

/** The clock of the records. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}

/** @throws a system error: no descriptors left, or too many threads in all */
function startRelay(Relay: NonNullable<NativeAddon['Relay']>, threads: number): NativeRelay {
  try {
    return new Relay(threads)
  } catch (cause) {
    const { errno } = cause as NodeJS.ErrnoException
    throw errno === undefined ? cause : systemError(errno, 'relay', { cause })
  }
}
