import type { Socket } from 'node:net'
import type { KeySource, NamedBackend } from '../affinity/key-source.ts'
import type { ByteFilter } from '../cookies/byte-filter.ts'
import { CookieSession, type SessionFilters } from '../cookies/cookie-session.ts'
import { KeyFallback, Outcome, PickStatus, type Reason, type SessionCounter, WaitEnd } from '../native.ts'
import { backendIndexOf, reasonOf, seatOf, waitingSeatOf } from '../pool/packed.ts'
import type { BackendRecord, Endpoint } from '../pool/records.ts'
import type { Handshake, HandshakeEnd, SecuredClient } from '../tls/handshake.ts'
import { sourceWithin } from '../tls/keys.ts'
import { rawOf } from '../tls/wire.ts'
import { Answer } from './answer.ts'
import { type ConnectFailure, type ConnectSettings, connectBackend } from './connect.ts'
import { carry, hasMore, reset } from './direction.ts'
import { type HeadFound, HeadPeek, type PeekLimits } from './head-peek.ts'
import { type HeadLooked, HeadStep, type StepSettings } from './head-step.ts'
import { addressOf, type ProxiedClient } from './proxied-client.ts'
import { ProxyHead, type ProxyHeadFound } from './proxy-head.ts'
import { introduction } from './proxy-out.ts'
import { EncryptionRefusal } from './refuse-encryption.ts'
import { chooseRoute, chooseSecured, destinationPort } from './route.ts'
import type { SessionFacts, SessionOwner } from './session-owner.ts'
import { sourcesInTurn } from './sources.ts'
import type { Routes, Target } from './target.ts'

/** A backend that resets a session so soon, and has said nothing, did not want it. As in native/relay/worker_session.cc. */
const FIRST_MOMENTS_MS = 5000

type State = 'connecting' | 'open' | 'ended'
const NO_SEAT = -1
/** What a pick that found no backend is counted as; a session that gets no seat after a failed try is one, too. */
const REFUSALS = new Map<number, SessionCounter>([
  [PickStatus.poolFull, 'refusedPoolFull'],
  [PickStatus.keySessions, 'refusedKeySessions'],
  [PickStatus.keyRate, 'refusedKeyRate'],
  [PickStatus.queueFull, 'refusedQueueFull'],
])
/** Why a session that waited for a seat does so no longer; any other cause cuts it. */
const WAIT_ENDS = new Map<SessionCounter, number>([
  ['refusedQueueTimeout', WaitEnd.timeout],
  ['endClientGone', WaitEnd.gone],
])
/** A host name that was added but never looked up. */
const UNKNOWN_ADDRESS: ConnectFailure = { counter: 'connectUnreachable', local: false }
const LATE: ConnectFailure = { counter: 'connectTimeout', local: false }
/** As with the native relay. */
const CROWDED_MS = 20
/**
 * Between two connects of one who waits. The seat that a failed one gave back is free, so that it would be its turn at once, as
 * often as it may try: a server that is gone would empty the queue in a moment. As in native/relay/worker_wait.cc.
 */
const TURN_PAUSE_MS = 250

/** One client of the stream relay: picks and connects a backend, then carries bytes both ways until both have ended. */
export class StreamSession {
  readonly id: string
  /** The listener's, until one of its routes is chosen. */
  target: Target
  /** That of the client whom a PROXY header names, once it is there. */
  clientAddress: string | undefined
  clientPort: number | undefined
  /** Undefined: the listener takes no PROXY headers, it has not come yet, or the session is joined to its backend. */
  proxied: ProxiedClient | undefined
  readonly startedAt = performance.now()
  /** Whether the feed is told of it. */
  readonly isTold: boolean
  reason: Reason | undefined
  backendName: string | undefined
  connectMs = 0
  /** Whether it was joined to a backend; it stays so. */
  hasOpened = false
  bytesToBackend = 0
  bytesToClient = 0
  readonly #owner: SessionOwner
  /** With TLS that ends here the connection itself until the handshake is done, and then what was in TLS. */
  #client: Socket
  #backend: Socket | undefined
  #state: State = 'connecting'
  #seat = NO_SEAT
  #backendIndex = 0
  #isWaiting = false
  /** It waits, at most; 0: it never did. */
  #waitUntil = 0
  /** Of a turn that is put off. */
  #turnTimer: NodeJS.Timeout | undefined
  #tries = 0
  #hasAnswer = false
  #ended = 0
  #connectAt = 0
  #lastByteAt = 0
  #timer: NodeJS.Timeout | undefined
  #proxyHead: ProxyHead | undefined
  #handshake: Handshake | undefined
  /** Undefined: its TLS, if it has any, does not end here. */
  #secured: SecuredClient | undefined
  #peek: HeadPeek | HeadStep | undefined
  /** Until when its first bytes are looked at. */
  #peekUntil: number | undefined
  /** Undefined: its pool has none. */
  #cookie: CookieSession | undefined
  #filters: SessionFilters = {}
  /** Read before there was a backend. */
  #head: Buffer | undefined
  /** What the backend has said up to now; undefined: nothing is learnt from it any more. */
  #answer: Answer | undefined

  constructor(owner: SessionOwner, target: Target, client: Socket, facts: SessionFacts) {
    this.#owner = owner
    this.target = target
    this.#client = client
    this.id = facts.id
    this.clientAddress = facts.clientAddress
    this.isTold = facts.isTold
    this.clientPort = client.remotePort
  }

  /** Picks the first backend; everything else follows by events. */
  start(): void {
    const { proxy, timeouts } = this.target
    const keepaliveMs = timeouts.keepalive.idle
    this.#client.setNoDelay(true).setKeepAlive(keepaliveMs > 0, keepaliveMs)
    // As with the native relay, sessions keep no process alive.
    this.#client.unref()
    this.#watch(this.#client)
    if (proxy === undefined) this.#secure()
    else this.#proxyHead = new ProxyHead(this.#client, proxy.timeout, found => this.#proxyHeadCame(found))
  }

  /** Hears how a socket fares, for as long as it is the client's. */
  #watch(client: Socket): void {
    client.on('error', () => {
      if (client === this.#client) this.#end(this.#state === 'open' ? 'endClientReset' : 'endClientGone')
    })
    client.once('close', () => {
      if (client === this.#client) this.#closed(client)
    })
    // Reads up to the high water mark and no further. A socket that reads nothing would not even see that its peer left.
    client.read(0)
  }

  /** None of the listener's routes is chosen yet, or holds. */
  get isUnrouted(): boolean {
    return this.target.routes !== undefined
  }

  /** As native/relay/worker_proxy.cc. */
  #proxyHeadCame(found: ProxyHeadFound): void {
    if ('cause' in found) {
      this.#end(found.cause)
      return
    }
    this.proxied = { ...found, peer: { address: this.clientAddress, port: this.clientPort } }
    if (found.header.source !== undefined) {
      const { address, port } = addressOf(this.proxied) ?? {}
      this.clientAddress = address
      this.clientPort = port
    }
    if (this.target.filter?.permits(this.clientAddress ?? '') === false) this.#end('refusedDenied')
    else this.#secure()
  }

  /** Who the client is, is known. */
  #secure(): void {
    const { tls } = this.target
    if (tls === undefined) this.#findPool()
    else this.#handshake = tls.accept(this.#client, end => this.#shookHands(end))
  }

  #shookHands(end: HandshakeEnd): void {
    this.#handshake = undefined
    if (end === 'gone') this.#end('endClientGone')
    else if ('failed' in end) this.#end('refusedTls')
    else {
      this.#secured = end
      this.#client = end.socket
      this.#watch(end.socket)
      this.#findPool()
    }
  }

  /** Whatever the client says now is for the backend, but requests for encryption that are refused. */
  #findPool(): void {
    const { routes } = this.target
    if (routes === undefined) this.#refuseEncryption()
    else if (this.#secured === undefined) this.#findRoute(routes, this.#portFor(routes))
    else this.#routed(chooseSecured(routes, this.#secured, this.#portFor(routes)))
  }

  #portFor({ rules }: Routes<Target>): number {
    return rules.asksForPort ? destinationPort(rawOf(this.#client) ?? this.#client, this.proxied) : 0
  }

  #findRoute(routes: Routes<Target>, port: number): void {
    let chosen: Target | undefined
    const limits = this.#limitsNow()
    const look = (head: Buffer, isEnded: boolean): HeadLooked => {
      const target = chooseRoute(routes, head.subarray(0, limits.bytes), isEnded, port)
      if (target === 'more') return { head, isDone: false }
      chosen = target
      return { head, isDone: true }
    }
    this.#step(limits, look, () => this.#routed(chosen))
  }

  #routed(target: Target | undefined): void {
    if (target === undefined) {
      this.#end('refusedNoRoute')
      return
    }
    const { idle } = this.target.timeouts.keepalive
    this.target = target
    const keepaliveMs = target.timeouts.keepalive.idle
    const socket = rawOf(this.#client) ?? this.#client
    if (keepaliveMs !== idle) socket.setKeepAlive(keepaliveMs > 0, keepaliveMs)
    this.#refuseEncryption()
  }

  /** It has its pool. */
  #refuseEncryption(): void {
    const { headKeys, cookie } = this.target.pool
    if (headKeys?.refusesEncryption !== true) {
      this.#findKey()
      return
    }
    const refusal = new EncryptionRefusal(this.#client, headKeys.keys)
    const look = (head: Buffer, isEnded: boolean): HeadLooked => refusal.look(head, isEnded)
    this.#step(this.#limitsNow(cookie !== undefined), look, () => this.#findKey())
  }

  #step(limits: PeekLimits, look: StepSettings['look'], next: () => void): void {
    const done = (head: Buffer): void => {
      this.#head = head
      next()
    }
    const step = new HeadStep(this.#client, { limits, head: this.#head, look, done })
    this.#peek = step
    step.start()
  }

  /** All looks at its first bytes have their time together; `isPatient`: it begins with the first byte. */
  #limitsNow(isPatient = false): PeekLimits {
    const { peek, timeouts } = this.target
    // Browsers open connections long before they use them, and only a request tells where one belongs.
    if (isPatient) return { ...peek, silence: timeouts.idle }
    return { ...peek, timeout: this.lookMs }
  }

  /** How long its first bytes may be looked at still. */
  get lookMs(): number {
    const now = performance.now()
    this.#peekUntil ??= now + this.target.peek.timeout
    return Math.max(0, Math.ceil(this.#peekUntil - now))
  }

  #findKey(): void {
    const { headKeys, cookie } = this.target.pool
    const sources = this.#withinTls(headKeys?.sources ?? [])
    if (cookie !== undefined) {
      this.#cookie = new CookieSession(this.target.pool, cookie, counter => this.#owner.count(counter))
      this.#lookAtHead([this.#cookie, ...sources])
    } else if (headKeys === undefined) this.#pick(this.clientAddress)
    else this.#lookAtHead(sources)
  }

  #withinTls(sources: readonly KeySource[]): readonly KeySource[] {
    const client = this.#secured
    return client === undefined ? sources : sources.map(source => sourceWithin(source, client))
  }

  #lookAtHead(sources: readonly KeySource[]): void {
    const limits = this.#limitsNow(this.#cookie !== undefined)
    this.#peekFor(sources, limits, found => this.#peeked(found))
  }

  #peekFor(sources: readonly KeySource[], limits: PeekLimits, found: (found: HeadFound) => void): void {
    const { listener, pool } = this.target
    const { clientAddress, clientPort } = this
    const connection = Object.freeze({ clientAddress, clientPort, listener, pool: pool.name })
    const search = { sources, connection, proxyHeader: this.proxied?.bytes }
    const failed = (source: KeySource, error: unknown): void => this.#owner.keyFailed(this, source, error)
    const settled = (what: HeadFound): void => {
      this.#peekUntil = what.until
      found(what)
    }
    const headPeek = new HeadPeek(this.#client, search, limits, { found: settled, failed }, this.#head)
    this.#peek = headPeek
    headPeek.start()
  }

  /** Its first bytes were looked at, and what was read goes to the backend before anything else. */
  #peeked({ key, named, counter, head }: HeadFound): void {
    const fallback = this.target.pool.headKeys?.fallback ?? KeyFallback.source
    this.#head = head
    this.#owner.count(counter)
    if (key === undefined && named === undefined && fallback === KeyFallback.refuse) this.#end('refusedNoKey')
    else this.#goOn(this.#keyOf(key ?? (fallback === KeyFallback.source ? 'source' : undefined)), named)
  }

  #keyOf(key: HeadFound['key']): string | Uint8Array | undefined {
    return key === 'source' ? this.clientAddress : key
  }

  /** In the native relay, where its socket can go there: then it is no session of this one any more. */
  #goOn(key: string | Uint8Array | undefined, named: NamedBackend | undefined): void {
    const head = this.#head
    if (head !== undefined && this.#owner.passOn(this, { socket: this.#client, head, key, named }))
      this.#state = 'ended'
    else this.#pick(key, named)
  }

  #pick(client: string | Uint8Array | undefined, named?: NamedBackend): void {
    const { hotBy, native } = this.target.pool
    if (hotBy === undefined || client === undefined) this.#pickBy(client, named)
    else if (hotBy === 'port') this.#pickBy(client, named, this.clientPort)
    else if (hotBy === 'address') this.#pickBy(client, named, this.clientAddress)
    else if (!native.isSpread(client)) this.#pickBy(client, named)
    else this.#tellApart(client, named, hotBy)
  }

  /** Its key is hot: what tells it apart from others with that is in its first bytes, else it is its port. */
  #tellApart(client: string | Uint8Array, named: NamedBackend | undefined, by: KeySource): void {
    this.#peekFor(this.#withinTls([by]), this.#limitsNow(), ({ key, head }) => {
      this.#head = head
      this.#pickBy(client, named, this.#keyOf(key) ?? this.clientPort)
    })
  }

  #pickBy(client: string | Uint8Array | undefined, named?: NamedBackend, by?: number | string | Uint8Array): void {
    this.#dial(this.target.pool.native.pick(client, true, named?.index, named?.generation, by))
  }

  /** Ends the session because the relay stops. */
  cut(): void {
    this.#end('endShutdown')
  }

  /** Ends the session because an operator wants it. */
  close(): void {
    this.#end('endClosed')
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Since the last byte from either side. */
  get idleMs(): number {
    return Math.round(performance.now() - (this.#lastByteAt || this.startedAt))
  }

  #dial(packed: number): void {
    const waiting = waitingSeatOf(packed)
    if (waiting !== undefined) {
      this.#wait(waiting)
      return
    }
    if (packed < 0) {
      this.backendName = undefined
      this.reason = undefined
      this.#end(REFUSALS.get(packed) ?? 'refusedNoBackend', Outcome.failed)
      return
    }
    const { pool } = this.target
    this.#backendIndex = backendIndexOf(packed)
    const backend = pool.backendAt(this.#backendIndex)
    this.#seat = seatOf(packed)
    this.reason = reasonOf(packed)
    this.backendName = backend.name
    if (pool.admitsSlowly && this.#hold()) return
    this.#connect()
  }

  /** Until there is a seat: as native/relay/worker_wait.cc. */
  #wait(seat: number): void {
    const { pool } = this.target
    this.backendName = undefined
    this.reason = undefined
    this.#seat = seat
    this.#isWaiting = true
    const now = performance.now()
    this.#waitUntil ||= now + pool.queueMs
    this.#tries = 0
    pool.turns.set(seat, () => this.#takeTurn())
    // `net` tells of the end only where no bytes are before it.
    this.#client.on('end', this.#leave)
    if (this.#client.readableEnded) this.#leave()
    else this.#timer = setTimeout(() => this.#end('refusedQueueTimeout'), Math.max(0, this.#waitUntil - now)).unref()
  }

  readonly #leave = (): void => this.#end('endClientGone')

  #takeTurn(): void {
    const earlyMs = this.#connectAt === 0 ? 0 : this.#connectAt + TURN_PAUSE_MS - performance.now()
    if (earlyMs > 0) {
      clearTimeout(this.#turnTimer)
      this.#turnTimer = setTimeout(() => this.#takeTurn(), Math.ceil(earlyMs)).unref()
      return
    }
    const packed = this.target.pool.native.takeTurn(this.#seat)
    // Others took its seat.
    if (waitingSeatOf(packed) !== undefined) return
    this.#stopWaiting()
    this.#dial(packed)
  }

  #stopWaiting(): void {
    this.#isWaiting = false
    clearTimeout(this.#turnTimer)
    clearTimeout(this.#timer)
    this.#client.off('end', this.#leave)
    this.target.pool.turns.delete(this.#seat)
  }

  /** True: the session waits until its backend takes it, or has ended because that is too long. */
  #hold(): boolean {
    const { pool, timeouts } = this.target
    const waitMs = pool.native.admit(this.#seat, timeouts.connect)
    if (waitMs < 0) this.#end('refusedAdmission')
    else if (waitMs > 0) this.#timer = setTimeout(() => this.#releaseHeld(), waitMs).unref()
    return waitMs !== 0
  }

  /**
   * Its turn has come. A backend that serves nobody any more is not to blame; the client's pin goes along, as it would with a
   * pick that comes now.
   */
  #releaseHeld(): void {
    const { pool } = this.target
    if (pool.native.servesStill(this.#seat)) {
      this.#connect()
      return
    }
    if (this.#tries === this.target.retries) {
      this.#end('refusedNoBackend')
      return
    }
    this.#tries++
    this.#dial(pool.native.redispatch(this.#seat, false, true))
  }

  #connect(): void {
    const { pool } = this.target
    const backend = pool.backendAt(this.#backendIndex)
    this.#connectAt = performance.now()
    const { endpoint } = backend
    if (endpoint === undefined) this.#retry(UNKNOWN_ADDRESS)
    else this.#connectTo(backend, endpoint, sourcesInTurn(this.target.source.bind, endpoint))
  }

  /** Connects, or waits for a place in the queue of a unix socket, for as long as a connect may take. */
  #connectTo(backend: BackendRecord, endpoint: Endpoint, [localAddress, ...others]: readonly string[]): void {
    const { connect, keepalive } = this.target.timeouts
    const leftMs = this.#connectAt + connect - performance.now()
    if (leftMs <= 0) {
      this.#retry(LATE)
      return
    }
    const settings: ConnectSettings = { connectMs: Math.ceil(leftMs), keepaliveMs: keepalive.idle, localAddress }
    const done = (failure: ConnectFailure | undefined, secured?: Socket): void => {
      if (secured !== undefined) this.#backend = secured
      if (failure === undefined) this.#join()
      else if (failure.isCrowded === true)
        this.#timer = setTimeout(() => this.#connectTo(backend, endpoint, []), CROWDED_MS).unref()
      else if (failure.counter === 'connectNoLocalPort' && others.length > 0) this.#connectTo(backend, endpoint, others)
      else this.#retry(failure)
    }
    const tls = this.#owner.backendTls(this.target.pool)
    const { sni } = this
    this.#backend =
      tls === undefined
        ? connectBackend(endpoint, settings, done)
        : tls.connect({ backend, endpoint, sni, introduction: this.#introduction() }, settings, done)
  }

  /** What its client asked for in the TLS that ends here. */
  get sni(): string | undefined {
    return this.#secured?.sni
  }

  /** Who the client is, as backends are told; undefined: they are not. */
  #introduction(): Buffer | undefined {
    return introduction(this, rawOf(this.#client) ?? this.#client, this.#head)
  }

  #retry(failure: ConnectFailure): void {
    this.#owner.count(failure.counter)
    this.#backend = undefined
    const { pool } = this.target
    if (this.#tries === this.target.retries) {
      this.#end('refusedNoBackend', failure.local ? Outcome.abandoned : Outcome.failed)
      return
    }
    this.#tries++
    this.#dial(pool.native.redispatch(this.#seat, failure.local))
  }

  #join(): void {
    const backend = this.#backend
    if (backend === undefined) return
    this.#state = 'open'
    this.hasOpened = true
    this.connectMs = Math.round((performance.now() - this.#connectAt) * 1000) / 1000
    this.target.pool.native.confirm(this.#seat)
    this.#listenForKeys()
    this.#owner.opened(this)
    backend.on('error', () => this.#end('endBackendReset'))
    backend.once('close', () => this.#closed(backend))
    // Behind TLS it was told before the handshake.
    const told = rawOf(backend) === undefined ? this.#introduction() : undefined
    if (told !== undefined) backend.write(told)
    if (this.#cookie !== undefined) this.#filters = this.#cookie.filters(this.backendName ?? '', this.#seat)
    const { toBackend, toClient } = this.#filters
    this.#passHead(backend)
    this.proxied = undefined
    const onward = {
      received: () => this.#active(),
      passedOn: (bytes: number) => this.#passedOn('bytesToBackend', bytes),
      broken: () => this.#end('endClientReset'),
      ended: () => this.#directionEnded(),
    }
    carry(this.#client, backend, onward, toBackend)
    const back = {
      received: (bytes: Buffer) => this.#answered(bytes),
      passedOn: (bytes: number) => this.#passedOn('bytesToClient', bytes),
      broken: () => this.#end('endBackendReset'),
      ended: () => this.#directionEnded(),
    }
    carry(backend, this.#client, back, toClient)
    this.#restartTimer()
  }

  #listenForKeys(): void {
    const { headKeys, native } = this.target.pool
    if (headKeys?.learns !== true) return
    this.#answer = new Answer(headKeys.keys, session => native.learn(session, this.#seat))
  }

  #passHead(backend: Socket): void {
    const head = this.#head
    this.#head = undefined
    if (head === undefined || head.length === 0) return
    const { toBackend } = this.#filters
    const bytes = toBackend === undefined ? head : toBackend.push(head)
    if (bytes.length === 0) return
    backend.write(bytes, error => {
      if (!error) this.#passedOn('bytesToBackend', bytes.length)
    })
  }

  #active(): void {
    this.#lastByteAt = performance.now()
  }

  #answered(bytes: Buffer): void {
    this.#active()
    if (this.#answer !== undefined && this.#state !== 'ended' && !this.#answer.take(bytes)) this.#answer = undefined
    if (this.#hasAnswer || this.#state === 'ended') return
    this.#hasAnswer = true
    this.target.pool.native.answered(this.#seat)
  }

  #passedOn(direction: 'bytesToBackend' | 'bytesToClient', bytes: number): void {
    // What comes after the record of the session would be missing there.
    if (this.#state === 'ended') return
    this[direction] += bytes
    this.#owner.count(direction, bytes)
    this.#active()
  }

  #directionEnded(): void {
    this.#ended++
    if (this.#ended === 2) this.#end('endFinished')
    else this.#restartTimer()
  }

  /** The time limit that holds now: for silence both ways, or for silence in the direction that is left. */
  get #limit(): { afterMs: number; cause: SessionCounter } {
    const { idle, fin } = this.target.timeouts
    return this.#ended > 0 ? { afterMs: fin, cause: 'endFinTimeout' } : { afterMs: idle, cause: 'endIdleTimeout' }
  }

  #restartTimer(): void {
    this.#active()
    this.#sleep(this.#limit.afterMs)
  }

  #sleep(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#checkTime(), ms).unref()
  }

  /** One timer a session that looks back when it rings is cheaper than one that every byte restarts. */
  #checkTime(): void {
    const { afterMs, cause } = this.#limit
    const leftMs = this.#lastByteAt + afterMs - performance.now()
    if (leftMs > 0) this.#sleep(Math.ceil(leftMs))
    else this.#end(cause)
  }

  /** A socket that has ended both ways closes by itself, perhaps before the other one has written everything. */
  #closed(socket: Socket): void {
    if (socket.readableEnded && socket.writableFinished) return
    this.#end(this.#state === 'open' ? 'endError' : 'endClientGone')
  }

  /** `outcome`: of the seat, if the session was not open. */
  #end(cause: SessionCounter, outcome: number = Outcome.abandoned): void {
    if (this.#state === 'ended') return
    const wasOpen = this.#state === 'open'
    const ended = wasOpen ? this.#outcomeOf(cause) : outcome
    this.#state = 'ended'
    clearTimeout(this.#timer)
    this.#proxyHead?.stop()
    this.#handshake?.stop()
    this.#peek?.stop()
    if (this.#isWaiting) {
      this.#stopWaiting()
      this.target.pool.native.stopWaiting(this.#seat, WAIT_ENDS.get(cause) ?? WaitEnd.cut)
    }
    this.#closeSockets(cause, wasOpen)
    if (this.#seat !== NO_SEAT) this.target.pool.native.release(this.#seat, ended)
    this.#owner.ended(this, cause)
  }

  /** Of a session that was open. */
  #outcomeOf(cause: SessionCounter): number {
    const isRejected = cause === 'endBackendReset' && !this.#hasAnswer
    const openMs = performance.now() - this.#connectAt - this.connectMs
    return isRejected && openMs < FIRST_MOMENTS_MS ? Outcome.reset : Outcome.served
  }

  #closeSockets(cause: SessionCounter, wasOpen: boolean): void {
    const isReset = cause === 'endClientReset' || cause === 'endBackendReset'
    const [client, backend] = [this.#client, this.#backend]
    const { toBackend, toClient } = this.#filters
    const pairs: [Socket | undefined, Socket | undefined, ByteFilter | undefined][] = [
      [client, backend, toClient],
      [backend, client, toBackend],
    ]
    // Looked at before either is closed. What is whole, FIN and all, may still be on its way out of the socket: a reset would
    // take it away. What is not must not look as if it were.
    const toReset = pairs.map(([to, from, filter]) =>
      isReset ? to?.writableFinished !== true : wasOpen && hasMore(from, to, filter),
    )
    for (const [at, [socket]] of pairs.entries()) {
      if (socket === undefined) continue
      // Nobody is left to tell: what still happens to the socket is of no consequence.
      socket.on('error', ignore)
      if (toReset[at] === true) reset(socket)
      else socket.destroy()
    }
  }
}

function ignore(): undefined {
  return undefined
}
