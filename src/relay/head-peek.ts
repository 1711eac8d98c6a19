import type { Socket } from 'node:net'
import type { KeyConnection } from '../affinity/key-function.ts'
import { KeySearch, type SearchResult } from '../affinity/key-search.ts'
import type { KeySource, NamedBackend } from '../affinity/key-source.ts'
import type { ResolvedPeek } from '../config/resolved.ts'
import type { SessionCounter } from '../native.ts'
import { readHead } from './read-head.ts'

/** What came of looking at a client's first bytes. */
export interface HeadFound {
  /** `source`: the address that the PROXY header names. Undefined: there is none. */
  readonly key: Uint8Array | 'source' | undefined
  readonly counter: Extract<SessionCounter, `key${string}`>
  /** The backend that the client names itself; the key decides where that cannot be followed. */
  readonly named: NamedBackend | undefined
  /** All that was read: it belongs to the backend. */
  readonly head: Buffer
  /** Until when it could have been looked for, as `performance.now()` has it. */
  readonly until: number
}

/** How its first bytes are looked at. */
export interface PeekLimits extends ResolvedPeek {
  /**
   * How long a client may say nothing at all, in milliseconds; `timeout` begins with its first byte then. Undefined: no longer
   * than `timeout`.
   */
  readonly silence?: number
}

/** Who finds something in first bytes, and for whom. */
export interface HeadSearch {
  readonly sources: readonly KeySource[]
  readonly connection: KeyConnection
  /** What came before them; undefined: nothing. */
  readonly proxyHeader: Uint8Array | undefined
}

export interface PeekEvents {
  /** Called once, not before {@link HeadPeek.start}; after {@link HeadPeek.stop} not at all. */
  found(found: HeadFound): void
  failed(source: KeySource, error: unknown): void
}

/**
 * Waits for the key in the first bytes of a client in JavaScript: for the stream relay, and where keys are made by functions.
 * Otherwise the native relay does it, in native/relay/worker_peek.cc.
 */
export class HeadPeek {
  readonly #client: Socket
  readonly #limits: PeekLimits
  readonly #search: KeySearch
  readonly #events: PeekEvents
  readonly #read = (): void => this.#look(false)
  readonly #ended = (): void => this.#look(true)
  #timer: NodeJS.Timeout
  #until = 0
  #isSilent: boolean
  #isLate = false
  #head: Buffer

  /** `head`: what was read before. */
  constructor(
    client: Socket,
    search: HeadSearch,
    limits: PeekLimits,
    events: PeekEvents,
    head: Buffer = Buffer.alloc(0),
  ) {
    this.#head = head
    this.#client = client
    this.#limits = limits
    this.#events = events
    this.#search = new KeySearch(
      search.sources,
      search.connection,
      { settled: result => this.#settled(result), failed: (source, error) => events.failed(source, error) },
      search.proxyHeader,
    )
    this.#isSilent = limits.silence !== undefined
    this.#timer = this.#timerOf(limits.silence ?? limits.timeout)
    client.on('readable', this.#read)
    client.once('end', this.#ended)
  }

  /** Some keys need no byte of the client. */
  start(): void {
    this.#look(this.#client.readableEnded)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#search.stop()
    this.#client.off('readable', this.#read)
    this.#client.off('end', this.#ended)
  }

  #timerOf(ms: number): NodeJS.Timeout {
    this.#until = performance.now() + this.#limits.timeout
    return setTimeout(() => this.#giveUp(), ms).unref()
  }

  #look(hasEnded: boolean): void {
    const { bytes, timeout } = this.#limits
    // A source may take its time: what is past the limit waits.
    this.#head = readHead(this.#client, this.#head, bytes)
    if (this.#isSilent && this.#head.length > 0) {
      this.#isSilent = false
      clearTimeout(this.#timer)
      this.#timer = this.#timerOf(timeout)
    }
    this.#search.look(this.#head.subarray(0, bytes), hasEnded || this.#isFull)
  }

  #giveUp(): void {
    this.#look(false)
    this.#isLate = true
    this.#search.giveUp()
  }

  get #isFull(): boolean {
    return this.#head.length >= this.#limits.bytes
  }

  #settled(result: SearchResult): void {
    this.stop()
    const { key, named } = result
    const until = this.#isLate ? 0 : this.#until
    this.#events.found({ key, named, counter: this.#counter(result), head: this.#head, until })
  }

  #counter({ key, named, isCutShort }: SearchResult): HeadFound['counter'] {
    if (key !== undefined || named !== undefined) return 'keyFound'
    if (!isCutShort) return 'keyMissing'
    if (this.#isLate) return 'keyLate'
    return this.#isFull ? 'keyTooFar' : 'keyMissing'
  }
}
