import type { Socket } from 'node:net'
import type { ResolvedPeek } from '../config/resolved.ts'
import { HeadVerdict, type NativeHeadKeys, type NativeNamed, type NativePool, type SessionCounter } from '../native.ts'

/** What came of looking at a client's first bytes. */
export interface HeadFound {
  /** `source`: the address that the PROXY header names. Undefined: there is none. */
  readonly key: Uint8Array | 'source' | undefined
  /** A backend that goes before it. */
  readonly named?: NativeNamed
  readonly counter: Extract<SessionCounter, `key${string}`>
  /** All that was read: it belongs to the backend. */
  readonly head: Buffer
}

/** How its first bytes are looked at. */
export interface PeekLimits extends ResolvedPeek {
  /**
   * How long a client may say nothing at all, in milliseconds; `timeout` begins with its first byte then. Undefined: no longer
   * than `timeout`.
   */
  readonly silence?: number
}

/** Who finds something in first bytes, and for which pool. */
export interface HeadSearch {
  readonly keys: Pick<NativeHeadKeys, 'find'>
  readonly pool: NativePool
  /** What came before them; undefined: nothing. */
  readonly proxyHeader: Uint8Array | undefined
}

/** Waits for the key in the first bytes of a client of the stream relay. The native relay does it in native/relay/worker_peek.cc. */
export class HeadPeek {
  readonly #client: Socket
  readonly #search: HeadSearch
  readonly #limits: PeekLimits
  readonly #found: (found: HeadFound) => void
  readonly #read = (): void => this.#look('more')
  readonly #ended = (): void => this.#look('ended')
  #timer: NodeJS.Timeout
  #isSilent: boolean
  #head: Buffer = Buffer.alloc(0)

  /** `found` is called once, not before {@link HeadPeek.start}; after {@link HeadPeek.stop} not at all. */
  constructor(client: Socket, search: HeadSearch, limits: PeekLimits, found: (found: HeadFound) => void) {
    this.#client = client
    this.#search = search
    this.#limits = limits
    this.#found = found
    this.#isSilent = limits.silence !== undefined
    this.#timer = this.#timerOf(limits.silence ?? limits.timeout)
    client.on('readable', this.#read)
    client.once('end', this.#ended)
  }

  /** Some keys need no byte of the client. */
  start(): void {
    this.#look('more')
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#client.off('readable', this.#read)
    this.#client.off('end', this.#ended)
  }

  #timerOf(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look('late'), ms).unref()
  }

  #look(why: 'more' | 'ended' | 'late'): void {
    this.#take()
    const { keys, pool, proxyHeader } = this.#search
    const { bytes, timeout } = this.#limits
    if (this.#isSilent && this.#head.length > 0) {
      this.#isSilent = false
      clearTimeout(this.#timer)
      this.#timer = this.#timerOf(timeout)
    }
    const isFull = this.#head.length >= bytes
    const found = keys.find(this.#head.subarray(0, bytes), why !== 'more' || isFull, pool, proxyHeader)
    if (found === HeadVerdict.more) return
    this.stop()
    const head = this.#head
    if (found === HeadVerdict.address) this.#found({ key: 'source', counter: 'keyFound', head })
    else if (found instanceof Uint8Array) this.#found({ key: found, counter: 'keyFound', head })
    else if (typeof found !== 'number') this.#found({ key: keyOf(found), named: found, counter: 'keyFound', head })
    else if (found === HeadVerdict.cutShort && isFull) this.#found({ key: undefined, counter: 'keyTooFar', head })
    else {
      const isLate = found === HeadVerdict.cutShort && why === 'late'
      this.#found({ key: undefined, counter: isLate ? 'keyLate' : 'keyMissing', head })
    }
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
