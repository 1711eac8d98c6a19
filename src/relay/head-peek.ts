import type { Socket } from 'node:net'
import { ENCRYPTION_REQUEST_BYTES, EncryptionRequest, HeadVerdict, type SessionCounter } from '../native.ts'
import { chooseRoute, destinationPort } from './route.ts'
import type { Target } from './target.ts'

/** What came of looking at a client's first bytes. */
export interface HeadFound {
  /** Undefined: there is none. */
  readonly key: Uint8Array | undefined
  /** Undefined: nobody looked for one. */
  readonly counter: Extract<SessionCounter, `key${string}`> | undefined
  /** All that was read: it belongs to the backend. */
  readonly head: Buffer
}

/** Who is told what a {@link HeadPeek} finds. */
export interface HeadEvents {
  /** Its pool; undefined: there is no route for it. Only where there are routes, once, before {@link HeadEvents.found}. */
  routed(target: Target | undefined): void
  /** Its key. Once, and the last. */
  found(found: HeadFound): void
}

type Why = 'more' | 'ended' | 'late'
const NOTHING = Buffer.alloc(0)
/** Says that there is no encryption here. */
const REFUSED = 'N'

/** Whether a client must say something before it can have a backend. */
export function hasHeadToRead({ routes, pool }: Target): boolean {
  return routes !== undefined || pool.headKeys !== undefined
}

/**
 * Waits for the pool and the key in the first bytes of a client of the stream relay. The native relay does it in
 * native/relay/worker_peek.cc.
 */
export class HeadPeek {
  readonly #client: Socket
  readonly #events: HeadEvents
  readonly #port: number
  readonly #read = (): void => this.#look('more')
  readonly #ended = (): void => this.#look('ended')
  readonly #timer: NodeJS.Timeout
  #target: Target
  #head: Buffer = NOTHING
  /** Requests for encryption that were answered; each kind is once. */
  readonly #refused = new Set<number>()
  #isStopped = false

  constructor(client: Socket, target: Target, events: HeadEvents) {
    this.#client = client
    this.#target = target
    this.#events = events
    this.#port = target.routes?.rules.asksForPort === true ? destinationPort(client) : 0
    this.#timer = setTimeout(() => this.#look('late'), target.peek.timeout).unref()
    client.on('readable', this.#read)
    client.once('end', this.#ended)
  }

  /** Whoever is known by his port waits for nothing. */
  start(): void {
    if (this.#target.routes !== undefined) this.#look('more')
  }

  /** From now on nobody is told anything. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#client.off('readable', this.#read)
    this.#client.off('end', this.#ended)
  }

  #look(why: Why): void {
    this.#take()
    const { bytes } = this.#target.peek
    const isFull = this.#head.length >= bytes
    const isEnded = why !== 'more' || isFull
    const head = this.#head.subarray(0, bytes)
    if (!this.#hasRoute(head, isEnded)) return
    const { headKeys } = this.#target.pool
    if (headKeys === undefined) {
      this.#tell(undefined, undefined)
      return
    }
    const request = headKeys.keys.encryptionRequest(head)
    if (request === EncryptionRequest.more && !isEnded) return
    if (request >= EncryptionRequest.tls && !this.#refused.has(request)) {
      this.#refuse(request)
      // What has come behind it.
      this.#look(why)
      return
    }
    const key = headKeys.keys.find(head, isEnded)
    if (typeof key !== 'number') this.#tell(key, 'keyFound')
    else if (key === HeadVerdict.cutShort) this.#tell(undefined, cutShort(isFull, why))
    else if (key === HeadVerdict.missing) this.#tell(undefined, 'keyMissing')
  }

  /** False: it waits for one, or there is none and all is over. */
  #hasRoute(head: Buffer, isEnded: boolean): boolean {
    const { routes } = this.#target
    if (routes === undefined) return true
    const target = chooseRoute(routes, head, isEnded, this.#port)
    if (target === 'more') return false
    if (target === undefined) this.stop()
    else this.#target = target
    this.#events.routed(target)
    return !this.#isStopped
  }

  /** The request is taken out of what the backend will get. */
  #refuse(request: number): void {
    this.#refused.add(request)
    this.#head = this.#head.subarray(ENCRYPTION_REQUEST_BYTES)
    this.#client.write(REFUSED)
  }

  #tell(key: Uint8Array | undefined, counter: HeadFound['counter']): void {
    this.stop()
    this.#events.found({ key, counter, head: this.#head })
  }

  #take(): void {
    const parts = [this.#head]
    for (let part: Buffer | null = this.#client.read(); part !== null; part = this.#client.read()) parts.push(part)
    if (parts.length > 1) this.#head = Buffer.concat(parts)
  }
}

function cutShort(isFull: boolean, why: Why): 'keyTooFar' | 'keyLate' | 'keyMissing' {
  if (isFull) return 'keyTooFar'
  return why === 'late' ? 'keyLate' : 'keyMissing'
}
