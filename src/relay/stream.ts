import type { Socket } from 'node:net'
import type { FailureLog } from '../affinity/failure-log.ts'
import type { FailedSource } from '../affinity/key-source.ts'
import type { NativeFdBudget, SessionCounter } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import { type LiveSession, matchesFilter, type SessionFilter, type SessionInfo } from '../sessions/info.ts'
import type { BackendTls } from '../tls/backend-tls.ts'
import type { PoolTls } from '../tls/pool-tls.ts'
import { noSessions, type SessionCounts } from './counters.ts'
import { DurationColumns } from './durations.ts'
import { plainAddress } from './record.ts'
import type { SessionFeed, SessionOpened } from './session-feed.ts'
import type { KnownClient, SessionOwner } from './session-owner.ts'
import { StreamSession } from './stream-session.ts'
import type { Target } from './target.ts'

/** What a stream relay needs of others. */
export interface StreamRelayParts {
  feed: SessionFeed
  fdBudget: NativeFdBudget
  failures: FailureLog
  /** For pools with `backendTls`. */
  tls?: PoolTls | undefined
  /** Gives a client to the native relay, with its place; false: it cannot be. */
  passOn(session: StreamSession, client: KnownClient): boolean
}

/** Descriptors of a session: the client's and the backend's. */
const FDS_PER_SESSION = 2

/** The portable relay: carries bytes through `net` sockets, with the behaviour and the counters of the native one. */
export class StreamRelay implements SessionOwner {
  readonly counts: SessionCounts = noSessions()
  readonly durations = new DurationColumns()
  readonly #sessions = new Set<StreamSession>()
  readonly #feed: SessionFeed
  readonly #fdBudget: NativeFdBudget
  readonly #failures: FailureLog
  readonly #tls: PoolTls | undefined
  readonly #passOn: StreamRelayParts['passOn']
  #created = 0

  constructor({ feed, fdBudget, failures, tls, passOn }: StreamRelayParts) {
    this.#feed = feed
    this.#fdBudget = fdBudget
    this.#failures = failures
    this.#tls = tls
    this.#passOn = passOn
  }

  /** Sessions that live now. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** Takes a client; `others`: sessions that the target has in another relay. False: refused, closed and counted. */
  serve(target: Target, client: Socket, others: () => number): boolean {
    this.count('accepted')
    const address = addressOf(client)
    // The place is taken before the others are looked at, there as here, so that both cannot take the last one.
    target.streamSessions++
    const refusal = this.#refusal(target, others(), address)
    if (refusal !== undefined) {
      target.streamSessions--
      this.count(refusal)
      client.destroy()
      return false
    }
    const session = new StreamSession(this, target, client, {
      id: `s${++this.#created}`,
      clientAddress: address.text,
      // Asked once, as the native relay does: whoever is told of an end was told of the beginning.
      isTold: this.#feed.wanted,
    })
    this.#sessions.add(session)
    session.start()
    return true
  }

  /** Ends every session. */
  cut(): void {
    for (const session of this.#sessions) session.cut()
  }

  /** Whether sessions of a pool live. */
  uses(core: PoolCore): boolean {
    return [...this.#sessions].some(({ target }) => target.leadsTo(core))
  }

  /** Those that live. */
  *live(filter: SessionFilter): Generator<LiveSession> {
    // They may end while somebody looks at them.
    for (const session of [...this.#sessions]) {
      if (!this.#sessions.has(session)) continue
      const info = infoOf(session)
      if (matchesFilter(info, filter)) yield { info, close: () => session.close() }
    }
  }

  count(counter: SessionCounter, by = 1): void {
    this.counts[counter] += by
  }

  backendTls(pool: PoolCore): BackendTls | undefined {
    return this.#tls?.of(pool)
  }

  opened(session: StreamSession): void {
    this.count('opened')
    this.durations.countConnect(session.connectMs)
    if (session.isTold) this.#feed.opened(facts(session))
  }

  ended(session: StreamSession, cause: SessionCounter): void {
    session.target.streamSessions--
    this.#sessions.delete(session)
    this.#fdBudget.give(FDS_PER_SESSION)
    this.count(cause)
    const durationMs = Math.round(performance.now() - session.startedAt)
    if (session.hasOpened) this.durations.countSession(durationMs)
    if (!session.isTold) return
    const { bytesToBackend, bytesToClient } = session
    this.#feed.closed({ ...facts(session), cause, bytesToBackend, bytesToClient, durationMs })
  }

  codeFailed({ isUnrouted, target }: StreamSession, source: FailedSource, error: unknown): void {
    const { listener, pool } = target
    this.count('keyFailed')
    this.#failures.tell(source, { listener, pool: isUnrouted ? undefined : pool.name }, error)
  }

  passOn(session: StreamSession, client: KnownClient): boolean {
    if (!this.#passOn(session, client)) return false
    // The native relay has its descriptors, and its place at the target.
    session.target.streamSessions--
    this.#sessions.delete(session)
    return true
  }

  #refusal(target: Target, others: number, { text, gone }: ClientAddress): SessionCounter | undefined {
    const { filter, proxy } = target
    const refusal = proxy === undefined ? 'refusedDenied' : 'refusedProxyUntrusted'
    if (!gone && (proxy?.trust ?? filter)?.permits(text ?? '') === false) return refusal
    if (target.maxSessions > 0 && target.streamSessions + others > target.maxSessions) return 'refusedMaxSessions'
    if (gone) return 'refusedNoAddress'
    return this.#fdBudget.take(FDS_PER_SESSION) ? undefined : 'refusedFdBudget'
  }
}

function infoOf(session: StreamSession): SessionInfo {
  const { time, ...known } = facts(session)
  const { isOpen, idleMs, bytesToBackend, bytesToClient } = session
  const since = Math.round(time - (performance.now() - session.startedAt))
  return { ...known, state: isOpen ? 'open' : 'connecting', since, idleMs, bytesToBackend, bytesToClient }
}

function facts(session: StreamSession): SessionOpened {
  return {
    id: session.id,
    time: Date.now(),
    relay: 'stream',
    listener: session.target.listener,
    pool: session.isUnrouted ? '' : session.target.pool.name,
    clientAddress: session.clientAddress,
    clientPort: session.clientPort,
    backend: session.backendName,
    reason: session.reason,
    connectMs: session.connectMs,
  }
}

interface ClientAddress {
  /** Undefined: it has none. */
  text: string | undefined
  /** It was reset already. */
  gone: boolean
}

/** A socket that has no remote address but still has a local one was reset already; one with neither is a unix socket. */
function addressOf(client: Socket): ClientAddress {
  const { remoteAddress } = client
  if (remoteAddress !== undefined) return { text: plainAddress(remoteAddress), gone: false }
  return { text: undefined, gone: client.destroyed || client.localAddress !== undefined }
}
