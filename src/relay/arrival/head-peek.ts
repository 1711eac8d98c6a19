import type { Socket } from 'node:net'
import type { KeyConnection } from '../../affinity/key-function.ts'
import { KeySearch, type SearchResult } from '../../affinity/key-search.ts'
import type { FailedSource, KeySource, NamedBackend } from '../../affinity/key-source.ts'
import type { SessionCounter } from '../../native.ts'
import { FirstBytes, type PeekLimits } from './first-bytes.ts'

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

/** Who finds something in first bytes, and for whom. */
export interface HeadSearch<Connection = KeyConnection> {
  readonly sources: readonly KeySource<Connection>[]
  readonly connection: Connection
  /** What came before them; undefined: nothing. */
  readonly proxyHeader: Uint8Array | undefined
}

export interface PeekEvents {
  /** Called once, not before {@link HeadPeek.start}; after {@link HeadPeek.stop} not at all. */
  found(found: HeadFound): void
  failed(source: FailedSource, error: unknown): void
}

/**
 * Waits for the key in the first bytes of a client in JavaScript: for the stream relay, and where keys are made by functions.
 * Otherwise the native relay does it, in native/relay/worker_peek.cc.
 */
export class HeadPeek<Connection = KeyConnection> {
  readonly #search: KeySearch<Connection>
  readonly #first: FirstBytes
  readonly #found: PeekEvents['found']
  #isLate = false

  /** `head`: what was read before. */
  constructor(
    client: Socket,
    search: HeadSearch<Connection>,
    limits: PeekLimits,
    { found, failed }: PeekEvents,
    head?: Buffer,
  ) {
    const settled = (result: SearchResult): void => this.#settled(result)
    this.#search = new KeySearch(search.sources, search.connection, { settled, failed }, search.proxyHeader)
    this.#found = found
    // A source may take its time, and gets no more than it may see.
    const look = (isFinal: boolean): void => this.#search.look(this.#first.bytes.subarray(0, limits.bytes), isFinal)
    const late = (): void => {
      this.#first.read()
      look(this.#first.isFull)
      this.#isLate = true
      this.#search.giveUp()
    }
    this.#first = new FirstBytes(client, limits, head, { look, late })
  }

  /** Some keys need no byte of the client. */
  start(): void {
    this.#first.start()
  }

  stop(): void {
    this.#search.stop()
    this.#first.stop()
  }

  #settled(result: SearchResult): void {
    this.stop()
    const { key, named } = result
    const until = this.#isLate ? 0 : this.#first.until
    this.#found({ key, named, counter: this.#counter(result), head: this.#first.bytes, until })
  }

  #counter({ key, named, isCutShort }: SearchResult): HeadFound['counter'] {
    if (key !== undefined || named !== undefined) return 'keyFound'
    if (!isCutShort) return 'keyMissing'
    if (this.#isLate) return 'keyLate'
    return this.#first.isFull ? 'keyTooFar' : 'keyMissing'
  }
}
