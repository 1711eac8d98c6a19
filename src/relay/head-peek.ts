import type { Socket } from 'node:net'
import type { ResolvedPeek } from '../config/resolved.ts'
import { HeadVerdict, type NativeHeadKeys, type SessionCounter } from '../native.ts'

/** What came of looking at a client's first bytes. */
export interface HeadFound {
  /** Undefined: there is none. */
  readonly key: Uint8Array | undefined
  readonly counter: Extract<SessionCounter, `key${string}`>
  /** All that was read: it belongs to the backend. */
  readonly head: Buffer
}

/** Waits for the key in the first bytes of a client of the stream relay. The native relay does it in native/relay/worker_peek.cc. */
export class HeadPeek {
  readonly #client: Socket
  readonly #keys: NativeHeadKeys
  readonly #limits: ResolvedPeek
  readonly #found: (found: HeadFound) => void
  readonly #read = (): void => this.#look('more')
  readonly #ended = (): void => this.#look('ended')
  readonly #timer: NodeJS.Timeout
  #head: Buffer
  #isOver = false

  /**
   * `head`: what was read before; `found` is called once, not before the constructor has returned; after {@link HeadPeek.stop} not
   * at all.
   */
  constructor(
    client: Socket,
    keys: NativeHeadKeys,
    limits: ResolvedPeek,
    found: (found: HeadFound) => void,
    head: Buffer = Buffer.alloc(0),
  ) {
    this.#head = head
    this.#client = client
    this.#keys = keys
    this.#limits = limits
    this.#found = found
    this.#timer = setTimeout(() => this.#look('late'), limits.timeout).unref()
    client.on('readable', this.#read)
    client.once('end', this.#ended)
    // Nothing may follow that would be told.
    if (head.length > 0) setImmediate(() => this.#look(client.readableEnded ? 'ended' : 'more'))
  }

  stop(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#client.off('readable', this.#read)
    this.#client.off('end', this.#ended)
  }

  #look(why: 'more' | 'ended' | 'late'): void {
    if (this.#isOver) return
    this.#take()
    const { bytes } = this.#limits
    const isFull = this.#head.length >= bytes
    const key = this.#keys.find(this.#head.subarray(0, bytes), why !== 'more' || isFull)
    if (key === HeadVerdict.more) return
    this.stop()
    const head = this.#head
    if (typeof key !== 'number') this.#found({ key, counter: 'keyFound', head })
    else if (key === HeadVerdict.cutShort && isFull) this.#found({ key: undefined, counter: 'keyTooFar', head })
    else {
      const isLate = key === HeadVerdict.cutShort && why === 'late'
      this.#found({ key: undefined, counter: isLate ? 'keyLate' : 'keyMissing', head })
    }
  }

  #take(): void {
    const parts = [this.#head]
    for (let part: Buffer | null = this.#client.read(); part !== null; part = this.#client.read()) parts.push(part)
    if (parts.length > 1) this.#head = Buffer.concat(parts)
  }
}
