import type { Socket } from 'node:net'
import type { FailedSource, KeySource } from '../../affinity/key-source.ts'
import type { CookieSession } from '../../cookies/cookie-session.ts'
import type { SessionCounter } from '../../native.ts'
import type { SecuredClient } from '../../tls/handshake.ts'
import { sourceWithin } from '../../tls/keys.ts'
import type { ProxiedClient } from '../proxied-client.ts'
import type { Target } from '../target.ts'
import { refuseEncryption } from './encryption.ts'
import { type PeekLimits, unreadOf } from './first-bytes.ts'
import { type HeadFound, HeadPeek, type HeadSearch } from './head-peek.ts'
import { HeadStep, type StepSettings } from './head-step.ts'
import { findKey } from './key.ts'
import { readProxyHeader } from './proxy-head.ts'
import { findRoute } from './route.ts'
import { shakeHands } from './tls.ts'

/** Who hears how far a client has come. */
export interface ArrivalEvents {
  /** Its TLS ends here, and this is the socket that what was in it is read from. */
  secured(socket: Socket): void
  count(counter: SessionCounter): void
  /** Code for keys or routes. */
  codeFailed(source: FailedSource, error: unknown): void
  /** It is to have no backend. */
  refused(cause: SessionCounter): void
  /** All is known that says which backend is its own. */
  known(found: ClientKey): void
}

/** What a client's backend is chosen by. */
export interface ClientKey extends Pick<HeadFound, 'named'> {
  /** Its address, or the bytes of its key; undefined: it has none. */
  readonly key: string | Uint8Array | undefined
}

/** Finds something out about a client, then calls `next` once or refuses it. */
export type ArrivalStep = (arrival: Arrival, next: () => void) => void

/** In this order: each may need what those before it have found. */
const STEPS: readonly ArrivalStep[] = [readProxyHeader, shakeHands, findRoute, refuseEncryption, findKey]

/** A client of the stream relay before it has a backend: who it is, which pool it is for, and by what its backend is chosen. */
export class Arrival {
  /** The connection itself until the handshake of TLS that ends here is done, and then what was in TLS. */
  client: Socket
  /** The listener's, until one of its routes is chosen. */
  target: Target
  /** That of the client whom a PROXY header names, once it is there. */
  clientAddress: string | undefined
  clientPort: number | undefined
  /** Undefined: the listener takes no PROXY headers, it has not come yet, or nobody needs it any more. */
  proxied: ProxiedClient | undefined
  /** Undefined: its TLS, if it has any, does not end here. */
  secured: SecuredClient | undefined
  /** Undefined: its pool has none. */
  cookie: CookieSession | undefined
  /** Read before there was a backend, for which it is. */
  head: Buffer | undefined
  /** What the step waits for that is under way, or was the last. */
  waiting: { stop(): void } | undefined
  readonly events: ArrivalEvents
  /** Until when its first bytes are looked at. */
  #peekUntil: number | undefined

  constructor(target: Target, client: Socket, clientAddress: string | undefined, events: ArrivalEvents) {
    this.target = target
    this.client = client
    this.clientAddress = clientAddress
    this.clientPort = client.remotePort
    this.events = events
  }

  start(): void {
    this.#take(0)
  }

  /** Nobody wants to know any more. */
  stop(): void {
    this.waiting?.stop()
  }

  /** It has its backend: what was only needed to find that is not kept for as long as the session lives. */
  forget(): void {
    this.waiting = undefined
    this.head = undefined
    this.proxied = undefined
  }

  #take(at: number): void {
    STEPS[at]?.(this, () => this.#take(at + 1))
  }

  /** Looks at its first bytes for something that is not a key. */
  look(limits: PeekLimits, look: StepSettings['look'], next: () => void): void {
    const done = (head: Buffer): void => {
      this.head = head
      next()
    }
    const step = new HeadStep(this.client, { limits, head: this.head, look, done })
    this.waiting = step
    step.start()
  }

  /** Looks for a key, and keeps what was read. */
  find(sources: readonly KeySource[], limits: PeekLimits, next: (found: HeadFound) => void): void {
    const { clientAddress, clientPort } = this
    const { listener, pool } = this.target
    const connection = Object.freeze({ clientAddress, clientPort, listener, pool: pool.name })
    this.search({ sources: this.#withinTls(sources), connection, proxyHeader: this.proxied?.bytes }, limits, next)
  }

  /** Looks for an answer in its first bytes, and keeps what was read. */
  search<Connection>(search: HeadSearch<Connection>, limits: PeekLimits, next: (found: HeadFound) => void): void {
    const failed = (source: FailedSource, error: unknown): void => this.events.codeFailed(source, error)
    const found = (what: HeadFound): void => {
      this.head = what.head
      this.#peekUntil = what.until
      next(what)
    }
    const peek = new HeadPeek(this.client, search, limits, { found, failed }, this.head)
    this.waiting = peek
    peek.start()
  }

  /** All looks at its first bytes have their time together; `isPatient`: it begins with the first byte. */
  limits(isPatient = false): PeekLimits {
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

  /** The bytes of a key that was found; undefined: there is none. */
  keyOf(key: HeadFound['key']): ClientKey['key'] {
    return key === 'source' ? this.clientAddress : key
  }

  /** What it has said by now; undefined: nothing, or it is in TLS that ends here. */
  get seen(): Buffer | undefined {
    return this.head ?? (this.secured === undefined ? unreadOf(this.client) : undefined)
  }

  #withinTls(sources: readonly KeySource[]): readonly KeySource[] {
    const { secured } = this
    return secured === undefined ? sources : sources.map(source => sourceWithin(source, secured))
  }
}
