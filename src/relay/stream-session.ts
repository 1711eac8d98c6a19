import type { Socket } from 'node:net'
import type { KeySource } from '../affinity/key-source.ts'
import type { SessionFilters } from '../cookies/cookie-session.ts'
import { Outcome, PickStatus, type Reason, type SessionCounter } from '../native.ts'
import { backendIndexOf, reasonOf, seatOf, waitingSeatOf } from '../pool/packed.ts'
import type { BackendRecord, Endpoint } from '../pool/records.ts'
import { rawOf } from '../tls/wire.ts'
import { Answer } from './answer.ts'
import { Arrival, type ClientKey } from './arrival/arrival.ts'
import { closeSockets } from './close-sockets.ts'
import { type ConnectFailure, type ConnectSettings, connectBackend } from './connect.ts'
import { Joint } from './joint.ts'
import type { ProxiedClient } from './proxied-client.ts'
import { introduction } from './proxy-out.ts'
import { SeatWait } from './seat-wait.ts'
import type { SessionFacts, SessionOwner } from './session-owner.ts'
import { sourcesInTurn } from './sources.ts'
import type { Target } from './target.ts'

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
/** A host name that was added but never looked up. */
const UNKNOWN_ADDRESS: ConnectFailure = { counter: 'connectUnreachable', keepsPin: false }
const LATE: ConnectFailure = { counter: 'connectTimeout', keepsPin: false }
/** As with the native relay. */
const CROWDED_MS = 20

/** One client of the stream relay: hears who it is, picks and connects a backend, and has the two joined. */
export class StreamSession {
  readonly id: string
  readonly startedAt = performance.now()
  /** Whether the feed is told of it. */
  readonly isTold: boolean
  reason: Reason | undefined
  backendName: string | undefined
  connectMs = 0
  readonly #owner: SessionOwner
  readonly #arrival: Arrival
  #backend: Socket | undefined
  #state: State = 'connecting'
  #seat = NO_SEAT
  #backendIndex = 0
  /** In the queue of its pool; undefined: it has, or wants, no place there. */
  #wait: SeatWait | undefined
  /** It waits, at most; 0: it never did. */
  #waitUntil = 0
  #tries = 0
  #connectAt = 0
  #timer: NodeJS.Timeout | undefined
  #filters: SessionFilters = {}
  /** With its backend; undefined: there is none yet. */
  #joint: Joint | undefined

  constructor(owner: SessionOwner, target: Target, client: Socket, facts: SessionFacts) {
    this.#owner = owner
    this.id = facts.id
    this.isTold = facts.isTold
    this.#arrival = new Arrival(target, client, facts.clientAddress, {
      secured: socket => this.#watch(socket),
      count: counter => owner.count(counter),
      codeFailed: (source, error) => owner.codeFailed(this, source, error),
      refused: cause => this.#end(cause),
      known: found => this.#goOn(found),
    })
  }

  /** Hears who the client is; everything else follows by events. */
  start(): void {
    const { timeouts } = this.target
    const keepaliveMs = timeouts.keepalive.idle
    this.#client.setNoDelay(true).setKeepAlive(keepaliveMs > 0, keepaliveMs)
    // As with the native relay, sessions keep no process alive.
    this.#client.unref()
    this.#watch(this.#client)
    this.#arrival.start()
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

  get #client(): Socket {
    return this.#arrival.client
  }

  /** Where it goes: the listener's, until one of its routes is chosen. */
  get target(): Target {
    return this.#arrival.target
  }

  /** None of the listener's routes is chosen yet, or holds. */
  get isUnrouted(): boolean {
    return this.target.routes !== undefined
  }

  /** That of the client whom a PROXY header names, once it is there. */
  get clientAddress(): string | undefined {
    return this.#arrival.clientAddress
  }

  get clientPort(): number | undefined {
    return this.#arrival.clientPort
  }

  /** Undefined: the listener takes no PROXY headers, it has not come yet, or the session is joined to its backend. */
  get proxied(): ProxiedClient | undefined {
    return this.#arrival.proxied
  }

  /** What its client asked for in the TLS that ends here. */
  get sni(): string | undefined {
    return this.#arrival.secured?.sni
  }

  /** What its client has said by now, while it has no backend. */
  get seen(): Buffer | undefined {
    return this.#arrival.seen
  }

  /** Whether it was joined to a backend; it stays so. */
  get hasOpened(): boolean {
    return this.#joint !== undefined
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get bytesToBackend(): number {
    return this.#joint?.bytesToBackend ?? 0
  }

  get bytesToClient(): number {
    return this.#joint?.bytesToClient ?? 0
  }

  /** How long its first bytes may be looked at still. */
  get lookMs(): number {
    return this.#arrival.lookMs
  }

  /** Since the last byte from either side. */
  get idleMs(): number {
    return Math.round(performance.now() - (this.#joint?.lastByteAt ?? this.startedAt))
  }

  /** Ends the session because the relay stops. */
  cut(): void {
    this.#end('endShutdown')
  }

  /** Ends the session because an operator wants it. */
  close(): void {
    this.#end('endClosed')
  }

  /** In the native relay, where its socket can go there: then it is no session of this one any more. */
  #goOn({ key, named }: ClientKey): void {
    const { client: socket, head } = this.#arrival
    if (head !== undefined && this.#owner.passOn(this, { socket, head, key, named })) this.#state = 'ended'
    else this.#pick(key, named)
  }

  #pick(client: ClientKey['key'], named: ClientKey['named']): void {
    const { hotBy, native } = this.target.pool
    if (hotBy === undefined || client === undefined) this.#pickBy(client, named)
    else if (hotBy === 'port') this.#pickBy(client, named, this.clientPort)
    else if (hotBy === 'address') this.#pickBy(client, named, this.clientAddress)
    else if (!native.isSpread(client)) this.#pickBy(client, named)
    else this.#tellApart(client, named, hotBy)
  }

  /** Its key is hot: what tells it apart from others with that is in its first bytes, else it is its port. */
  #tellApart(client: string | Uint8Array, named: ClientKey['named'], by: KeySource): void {
    const arrival = this.#arrival
    arrival.find([by], arrival.limits(), ({ key }) =>
      this.#pickBy(client, named, arrival.keyOf(key) ?? this.clientPort),
    )
  }

  #pickBy(client: ClientKey['key'], named: ClientKey['named'], by?: number | string | Uint8Array): void {
    this.#dial(this.target.pool.native.pick(client, true, named?.index, named?.generation, by))
  }

  #dial(packed: number): void {
    const waiting = waitingSeatOf(packed)
    if (waiting !== undefined) {
      this.#waitForSeat(waiting)
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

  /** Until there is a seat. */
  #waitForSeat(seat: number): void {
    const { pool } = this.target
    this.backendName = undefined
    this.reason = undefined
    this.#seat = seat
    this.#waitUntil ||= performance.now() + pool.queueMs
    this.#tries = 0
    const waiter = { client: this.#client, pool, seat, until: this.#waitUntil, connectAt: this.#connectAt }
    this.#wait = new SeatWait(waiter, {
      turn: packed => {
        this.#wait = undefined
        this.#dial(packed)
      },
      over: cause => this.#end(cause),
    })
    this.#wait.start()
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

  /** Who the client is, as backends are told; undefined: they are not. */
  #introduction(): Buffer | undefined {
    return introduction(this, rawOf(this.#client) ?? this.#client)
  }

  #retry(failure: ConnectFailure): void {
    this.#owner.count(failure.counter)
    this.#backend = undefined
    const { pool } = this.target
    if (this.#tries === this.target.retries) {
      this.#end('refusedNoBackend', failure.keepsPin ? Outcome.abandoned : Outcome.failed)
      return
    }
    this.#tries++
    this.#dial(pool.native.redispatch(this.#seat, failure.keepsPin))
  }

  #join(): void {
    const backend = this.#backend
    if (backend === undefined) return
    const { cookie, head } = this.#arrival
    this.#state = 'open'
    this.connectMs = Math.round((performance.now() - this.#connectAt) * 1000) / 1000
    this.target.pool.native.confirm(this.#seat)
    this.#filters = cookie?.filters(this.backendName ?? '', this.#seat) ?? {}
    const joint = this.#joinTo(backend)
    this.#joint = joint
    this.#owner.opened(this)
    backend.on('error', () => this.#end('endBackendReset'))
    backend.once('close', () => this.#closed(backend))
    // Behind TLS it was told before the handshake.
    const told = rawOf(backend) === undefined ? this.#introduction() : undefined
    if (told !== undefined) backend.write(told)
    this.#arrival.forget()
    joint.start(head)
  }

  #joinTo(backend: Socket): Joint {
    const { pool, timeouts } = this.target
    const answer =
      pool.headKeys?.learns === true
        ? new Answer(pool.headKeys.keys, session => pool.native.learn(session, this.#seat))
        : undefined
    return new Joint(
      { client: this.#client, backend, timeouts, filters: this.#filters, answer },
      {
        passedOn: (direction, bytes) => this.#owner.count(direction, bytes),
        answered: () => pool.native.answered(this.#seat),
        over: cause => this.#end(cause),
      },
    )
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
    this.#joint?.stop()
    this.#arrival.stop()
    this.#wait?.end(cause)
    const isReset = cause === 'endClientReset' || cause === 'endBackendReset'
    closeSockets({ client: this.#client, backend: this.#backend, filters: this.#filters, isReset, wasOpen })
    if (this.#seat !== NO_SEAT) this.target.pool.native.release(this.#seat, ended)
    this.#owner.ended(this, cause)
  }

  /** Of a session that was open. */
  #outcomeOf(cause: SessionCounter): number {
    const isRejected = cause === 'endBackendReset' && this.#joint?.hasAnswer !== true
    const openMs = performance.now() - this.#connectAt - this.connectMs
    return isRejected && openMs < FIRST_MOMENTS_MS ? Outcome.reset : Outcome.served
  }
}
