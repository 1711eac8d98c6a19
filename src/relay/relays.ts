import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { FailureLog } from '../affinity/failure-log.ts'
import type { RelayKind } from '../config/options.ts'
import { LimpetError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { native } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import type { LiveSession, SessionFilter } from '../sessions/info.ts'
import { PoolTls } from '../tls/pool-tls.ts'
import { addSessions, type SessionCounts } from './counters.ts'
import type { Durations } from './durations.ts'
import { handleKind, handleOf } from './handle.ts'
import { hasNativeRelay, type NativeListener, NativeRelayHost } from './native.ts'
import type { SessionFeed } from './session-feed.ts'
import type { KnownClient } from './session-owner.ts'
import { StreamRelay } from './stream.ts'
import { whyStreamOnly } from './stream-only.ts'
import type { StreamSession } from './stream-session.ts'
import type { Target } from './target.ts'

/** How a client is served; `refused`: it was closed at once, and counted. */
export type Served = 'native' | 'stream' | 'refused'

/** The relays of one balancer, and the choice between them. */
export class Relays {
  readonly #feed: SessionFeed
  readonly #log: Log
  readonly #threads: number
  readonly #stream: StreamRelay
  /** TLS to the backends of pools. */
  readonly poolTls: PoolTls
  #native: NativeRelayHost | undefined

  /** `threads`: of the native relay; 0: as many as fit the machine. */
  constructor(feed: SessionFeed, log: Log, threads: number) {
    this.#feed = feed
    this.#log = log
    this.#threads = threads
    native().fdBudget.init()
    this.poolTls = new PoolTls(log)
    this.#stream = new StreamRelay({
      feed,
      fdBudget: native().fdBudget,
      failures: new FailureLog(log),
      tls: this.poolTls,
      passOn: this.#passOn.bind(this),
    })
  }

  /** Gives a target to the native relay, whose threads accept its clients themselves. */
  addAccepting(target: Target): NativeListener {
    return this.#nativeHost().addAccepting(target)
  }

  /**
   * Chooses the relay of a target. `hasOptions`: its sockets have TCP_NODELAY and keepalive from their listen socket.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_UNSUPPORTED`: `native` where there is none
   */
  add(target: Target, kind: RelayKind, hasOptions: boolean): void {
    if (kind === 'stream') return
    const { tls, routes } = target
    const why = whyStreamOnly(
      { tls, isByCode: routes !== undefined && routes.rules === undefined },
      target.all.map(({ pool }) => pool.settings),
    )
    if (why !== undefined) {
      if (kind === 'native') throw unsupported(target, why)
      this.#log.info({ listener: target.listener, pool: target.pool.name }, `the stream relay serves: ${why}`)
    } else if (hasNativeRelay()) {
      this.#nativeHost().add(target, hasOptions)
    } else if (kind === 'native') {
      throw unsupported(target, `it does not exist on ${process.platform}`)
    } else {
      this.#tellOnce(target, `the native relay does not exist on ${process.platform}`)
    }
  }

  /** Nobody comes to this target any more; its sessions go on. */
  retire(target: Target): void {
    this.#native?.retire(target)
  }

  /** Whether sessions of a pool live, or come to it. Those of whom that is not so are let go. */
  uses(core: PoolCore): boolean {
    return (this.#native?.uses(core) ?? false) || this.#stream.uses(core)
  }

  /** Gives a client to the relay of its target. Whatever happens, the socket is not the caller's any more. */
  serve(target: Target, client: Socket): Served {
    const { nativeId } = target
    // Where JavaScript makes keys, the stream relay looks at heads for the native one.
    const isReady = target.all.every(({ pool }) => pool.headKeys?.needsScript !== true)
    if (isReady && this.#native !== undefined && nativeId !== undefined && !this.#isFull(target)) {
      const fd = descriptorOf(client)
      if (typeof fd === 'number') return this.#native.take(nativeId, client, fd) ? 'native' : 'refused'
      this.#tellOnce(target, fd)
    }
    return this.#stream.serve(target, client, () => this.#native?.sessionsOf(target) ?? 0) ? 'stream' : 'refused'
  }

  /** Sessions that live now. */
  get sessions(): number {
    return (this.#native?.sessions ?? 0) + this.#stream.sessions
  }

  sessionsOf(target: Target): number {
    return (this.#native?.sessionsOf(target) ?? 0) + target.streamSessions
  }

  /** Counters since the start. */
  get counts(): SessionCounts {
    return this.#native === undefined
      ? { ...this.#stream.counts }
      : addSessions(this.#native.counts, this.#stream.counts)
  }

  /** How long things took, since the start. */
  get durations(): Durations {
    const { durations } = this.#stream
    return (this.#native === undefined ? durations : durations.plus(this.#native.durations)).told()
  }

  /** Those that live, as they are found. */
  async *live(filter: SessionFilter): AsyncGenerator<LiveSession> {
    if (this.#native !== undefined) yield* this.#native.live(filter)
    yield* this.#stream.live(filter)
  }

  /** Ends every session; those of the native relay are gone a moment later. */
  cut(): void {
    this.#native?.cut()
    this.#stream.cut()
  }

  /** Ends what is left, and the threads. */
  stop(): void {
    this.#stream.cut()
    this.#native?.stop()
  }

  #passOn(session: StreamSession, client: KnownClient): boolean {
    const { target } = session
    if (this.#native === undefined || target.nativeId === undefined) return false
    const fd = descriptorOf(client.socket)
    if (typeof fd === 'number') return this.#native.passOn(target.nativeId, fd, session, client)
    this.#tellOnce(target, fd)
    return false
  }

  #nativeHost(): NativeRelayHost {
    this.#native ??= new NativeRelayHost(this.#feed, this.#threads)
    return this.#native
  }

  /** Each relay keeps to the limit of its own sessions; where both serve a target, somebody must add them up. */
  #isFull(target: Target): boolean {
    const { streamSessions, maxSessions } = target
    return streamSessions > 0 && maxSessions > 0 && this.sessionsOf(target) >= maxSessions
  }

  #tellOnce(target: Target, why: string): void {
    if (target.told.has(why)) return
    target.told.add(why)
    if (target.source.transparent !== 'off') why += "; so backends see this host's address and not the client's"
    this.#log.warn({ listener: target.listener, pool: target.pool.name }, `the stream relay serves: ${why}`)
  }
}

function unsupported({ listener }: Target, why: string): LimpetError {
  return new LimpetError('LIMPET_ERR_UNSUPPORTED', `the native relay cannot serve: ${why}; use auto or stream`, {
    listener,
  })
}

/** The descriptor of a socket that can be handed over as it is, or why it cannot. */
function descriptorOf(client: Socket): number | string {
  // Its handle would give the descriptor of the encrypted connection: the backend would get ciphertext.
  if (client instanceof TLSSocket) return 'the clients come through TLS sockets'
  const kind = handleKind(client)
  if (kind !== 'TCP' && kind !== 'Pipe') return `the clients come through handles of the kind ${kind}`
  if (client.writableLength > 0) return 'bytes to the client were still waiting in its socket'
  const fd = handleOf(client)?.fd ?? -1
  return fd >= 0 ? fd : 'the sockets have no file descriptor'
}
