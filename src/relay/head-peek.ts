import type { Socket } from 'node:net'
import type { ResolvedPeek } from '../config/resolved.ts'
import {
  ENCRYPTION_REQUEST_BYTES,
  EncryptionRequest,
  HeadVerdict,
  type NativeHeadKeys,
  type NativeNamed,
  type NativePool,
  type SessionCounter,
} from '../native.ts'
import { chooseRoute } from './route.ts'
import type { Routes, Target } from './target.ts'

/** What came of looking at a client's first bytes. */
export interface HeadFound {
  /** `source`: the address that the PROXY header names. Undefined: there is none. */
  readonly key: Uint8Array | 'source' | undefined
  /** A backend that goes before it. */
  readonly named?: NativeNamed
  /** Undefined: nobody looked for a key. */
  readonly counter: Extract<SessionCounter, `key${string}`> | undefined
  /** All that was read: it belongs to the backend. */
  readonly head: Buffer
}

/** Who finds something in first bytes, and for which pool. */
export interface HeadSearch {
  readonly keys: Pick<NativeHeadKeys, 'find'>
  /** Who knows requests for encryption that are to be refused; undefined: none are. */
  readonly encryption: Pick<NativeHeadKeys, 'encryptionRequest'> | undefined
  readonly pool: NativePool
  /** What came before them; undefined: nothing. */
  readonly proxyHeader: Uint8Array | undefined
  /**
   * How long a client may say nothing at all, in milliseconds; the time to look begins with its first byte then. Undefined: no
   * longer than that.
   */
  readonly silence: number | undefined
}

/** The pool is to be found first. */
export interface RouteSearch {
  readonly routes: Routes<Target>
  /** That the client connected to; 0: it has none, or nobody asks. */
  readonly port: number
}

/** Who is told what a {@link HeadPeek} finds. */
export interface HeadEvents {
  /**
   * Its pool; undefined: there is no route for it. Only where there are routes, once, before {@link HeadEvents.found}. Says what
   * is to be looked for next; undefined: nothing.
   */
  routed(target: Target | undefined): HeadSearch | undefined
  /** Its key. Once, and the last. */
  found(found: HeadFound): void
}

type Why = 'more' | 'ended' | 'late'
/** Says that there is no encryption here. */
const REFUSED = 'N'

/**
 * Waits for the pool and the key in the first bytes of a client of the stream relay. The native relay does it in
 * native/relay/worker_peek.cc.
 */
export class HeadPeek {
  readonly #client: Socket
  readonly #limits: ResolvedPeek
  readonly #events: HeadEvents
  readonly #read = (): void => this.#look('more')
  readonly #ended = (): void => this.#look('ended')
  /** Undefined: the pool is known. */
  #route: RouteSearch | undefined
  /** Undefined: the pool is not known, or there is no key to be looked for. */
  #search: HeadSearch | undefined
  #timer: NodeJS.Timeout
  #isSilent: boolean
  #head: Buffer = Buffer.alloc(0)
  /** Requests for encryption that were answered; each kind is once. */
  readonly #refused = new Set<number>()
  #isStopped = false

  /** Nobody is told anything before {@link HeadPeek.start}, nor after {@link HeadPeek.stop}. */
  constructor(client: Socket, search: HeadSearch | RouteSearch, limits: ResolvedPeek, events: HeadEvents) {
    this.#client = client
    this.#limits = limits
    this.#events = events
    if ('routes' in search) this.#route = search
    else this.#search = search
    this.#isSilent = this.#search?.silence !== undefined
    this.#timer = this.#timerOf(this.#search?.silence ?? limits.timeout)
    client.on('readable', this.#read)
    client.once('end', this.#ended)
  }

  /** Some routes and keys need no byte of the client. */
  start(): void {
    this.#look('more')
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#client.off('readable', this.#read)
    this.#client.off('end', this.#ended)
  }

  #timerOf(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look('late'), ms).unref()
  }

  #waitFor(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = this.#timerOf(ms)
  }

  #look(why: Why): void {
    this.#take()
    const { bytes, timeout } = this.#limits
    if (this.#isSilent && this.#head.length > 0) {
      this.#isSilent = false
      this.#waitFor(timeout)
    }
    const isFull = this.#head.length >= bytes
    const isEnded = why !== 'more' || isFull
    if (this.#route !== undefined) {
      if (!this.#findRoute(this.#route, isEnded)) return
      if (why !== 'ended' && this.#waitsInSilence()) return
    }
    if (this.#search === undefined) {
      this.#tell(undefined, undefined)
      return
    }
    const request = this.#search.encryption?.encryptionRequest(this.#head.subarray(0, bytes)) ?? EncryptionRequest.none
    if (request === EncryptionRequest.more && !isEnded) return
    if (request < EncryptionRequest.tls || this.#refused.has(request)) {
      this.#findKey(this.#search, why, isFull)
      return
    }
    this.#refuse(request)
    // What has come behind it.
    this.#look(why)
  }

  /** False: it waits for one, or there is none and all is over. */
  #findRoute({ routes, port }: RouteSearch, isEnded: boolean): boolean {
    const target = chooseRoute(routes, this.#head.subarray(0, this.#limits.bytes), isEnded, port)
    if (target === 'more') return false
    this.#route = undefined
    if (target === undefined) this.stop()
    this.#search = this.#events.routed(target)
    return !this.#isStopped
  }

  /** Whoever has said nothing may go on so, where the pool that was found has patience. */
  #waitsInSilence(): boolean {
    const silence = this.#search?.silence
    this.#isSilent = silence !== undefined && this.#head.length === 0
    if (this.#isSilent && silence !== undefined) this.#waitFor(silence)
    return this.#isSilent
  }

  /** The request is taken out of what the backend will get. */
  #refuse(request: number): void {
    this.#refused.add(request)
    this.#head = this.#head.subarray(ENCRYPTION_REQUEST_BYTES)
    this.#client.write(REFUSED)
  }

  #findKey({ keys, pool, proxyHeader }: HeadSearch, why: Why, isFull: boolean): void {
    const found = keys.find(this.#head.subarray(0, this.#limits.bytes), why !== 'more' || isFull, pool, proxyHeader)
    if (found === HeadVerdict.more) return
    if (found === HeadVerdict.address) this.#tell('source', 'keyFound')
    else if (found instanceof Uint8Array) this.#tell(found, 'keyFound')
    else if (typeof found !== 'number') this.#tell(keyOf(found), 'keyFound', found)
    else this.#tell(undefined, found === HeadVerdict.cutShort ? cutShort(isFull, why) : 'keyMissing')
  }

  #tell(key: HeadFound['key'], counter: HeadFound['counter'], named?: NativeNamed): void {
    this.stop()
    this.#events.found({ key, counter, head: this.#head, ...(named === undefined ? {} : { named }) })
  }

  #take(): void {
    const parts = [this.#head]
    for (let part: Buffer | null = this.#client.read(); part !== null; part = this.#client.read()) parts.push(part)
    if (parts.length > 1) this.#head = Buffer.concat(parts)
  }
}

function keyOf({ key }: NativeNamed): Uint8Array | 'source' | undefined {
  return typeof key === 'number' ? 'source' : key
}

function cutShort(isFull: boolean, why: Why): 'keyTooFar' | 'keyLate' | 'keyMissing' {
  if (isFull) return 'keyTooFar'
  return why === 'late' ? 'keyLate' : 'keyMissing'
}
