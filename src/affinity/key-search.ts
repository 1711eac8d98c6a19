import type { KeyConnection } from './key-function.ts'
import type { FailedSource, Found, HeadLook, KeySource, NamedBackend } from './key-source.ts'

/** What came of a search. */
export interface SearchResult {
  /** `source`: the address that the PROXY header names. Undefined: there is none. */
  readonly key: Uint8Array | 'source' | undefined
  /** The backend that the client names itself; the key decides where that cannot be followed. */
  readonly named: NamedBackend | undefined
  /** One of the sources might have had a key with more bytes, or more time. */
  readonly isCutShort: boolean
}

/** Who is told what came of a search. */
export interface KeySearchEvents {
  /** Called once. */
  settled(result: SearchResult): void
  /** A source threw, or was too slow; the search goes on with the next one. */
  failed(source: FailedSource, error: unknown): void
}

/**
 * Looks for the key of one connection: the sources are asked in their order, and the first that yields counts. Each is waited for
 * while it can still yield, and is not asked again once it cannot.
 */
export class KeySearch<Connection = KeyConnection> {
  readonly #sources: readonly KeySource<Connection>[]
  readonly #connection: Connection
  readonly #events: KeySearchEvents
  readonly #proxyHeader: Uint8Array | undefined
  /** The source whose turn it is. */
  #at = 0
  #look: HeadLook | undefined
  #head: Buffer = Buffer.alloc(0)
  /** How long the head was when that source wanted more. */
  #wantedMoreAt = -1
  #pending: Promise<Found> | undefined
  #named: NamedBackend | undefined
  #isWhole = false
  #isLate = false
  #isCutShort = false
  #isOver = false

  /** `proxyHeader`: what came before the head; undefined: nothing. */
  constructor(
    sources: readonly KeySource<Connection>[],
    connection: Connection,
    events: KeySearchEvents,
    proxyHeader?: Uint8Array,
  ) {
    this.#sources = sources
    this.#connection = connection
    this.#events = events
    this.#proxyHeader = proxyHeader
  }

  /** More bytes have come. `isWhole`: none will follow. */
  look(head: Buffer, isWhole: boolean): void {
    this.#head = head
    this.#isWhole ||= isWhole
    this.#goOn()
  }

  /** No time is left: whoever still wants some has no key. */
  giveUp(): void {
    this.#isWhole = true
    this.#isLate = true
    if (this.#pending !== undefined) this.#late()
    this.#goOn()
  }

  /** Nobody wants to know any more. */
  stop(): void {
    this.#isOver = true
    this.#pending = undefined
  }

  #goOn(): void {
    while (!this.#isOver && this.#pending === undefined) {
      const source = this.#sources[this.#at]
      if (source === undefined) {
        this.#settle(undefined)
        return
      }
      if (source.waitsForBytes === true && this.#head.length === 0 && !this.#isWhole) return
      const found = this.#ask(source)
      if (found instanceof Promise) this.#wait(source, found)
      else if (!this.#take(found)) return
    }
  }

  #ask(source: KeySource<Connection>): Found | Promise<Found> {
    // It has seen all that there is.
    if (this.#wantedMoreAt === this.#head.length) return 'more'
    try {
      this.#look ??= source.begin(this.#connection, this.#proxyHeader)
      return this.#look.find(this.#head)
    } catch (error) {
      this.#events.failed(source, error)
      return undefined
    }
  }

  /** False: it waits for more bytes. */
  #take(found: Found, length = this.#head.length): boolean {
    if (found === 'more') {
      this.#wantedMoreAt = length
      // More have come while it thought.
      if (length < this.#head.length) return true
      if (!this.#isWhole) return false
      const last = this.#look?.last?.()
      if (last !== undefined) this.#settle(last)
      else {
        this.#isCutShort = true
        this.#next()
      }
    } else if (found === undefined) this.#next()
    else if (found === 'source' || found instanceof Uint8Array) this.#settle(found)
    else this.#follow(found)
    return true
  }

  /**
   * A backend is named: others only say who is next, and no byte is waited for any more, as in choose() of native/relay/head_choice.cc;
   * unless the source itself is patient.
   */
  #follow(named: NamedBackend): void {
    this.#named ??= named
    this.#isWhole ||= this.#sources[this.#at]?.isPatient !== true
    this.#next()
  }

  #wait(source: KeySource<Connection>, promise: Promise<Found>): void {
    const { length } = this.#head
    this.#pending = promise
    const settle = (found: Found): void => {
      // Somebody who has gone on without it.
      if (this.#pending !== promise) return
      this.#pending = undefined
      if (this.#take(found, length)) this.#goOn()
    }
    promise.then(settle, error => {
      if (this.#pending === promise) this.#events.failed(source, error)
      settle(undefined)
    })
    if (this.#isLate) this.#late()
  }

  /** The source whose promise is awaited is awaited no longer. */
  #late(): void {
    const source = this.#sources[this.#at]
    this.#pending = undefined
    this.#isCutShort = true
    if (source !== undefined) this.#events.failed(source, new Error('its promise was not settled in time'))
    this.#next()
  }

  #next(): void {
    this.#at++
    this.#look = undefined
    this.#wantedMoreAt = -1
  }

  #settle(key: SearchResult['key']): void {
    this.#isOver = true
    this.#events.settled({ key, named: this.#named, isCutShort: this.#isCutShort })
  }
}
