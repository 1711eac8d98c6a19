import { type ByteFilter, NO_BYTES } from './byte-filter.ts'
import type { Mark } from './http-observer.ts'

/** What reads the bytes of a direction: a side of an `HttpObserver`. */
export interface HeadReader {
  /** Where heads and messages ended in these bytes. */
  read(chunk: Buffer): readonly Mark[]
  /** False: it reads no further. */
  isReading(): boolean
}

/**
 * Puts another head in place of each in one direction of a connection of HTTP/1.x; bodies, and everything from where the reader
 * reads no further, go on as they came. A head is kept back until it is whole; the reader bounds that.
 */
export class HeadRewrite implements ByteFilter {
  readonly #reader: HeadReader
  readonly #rewrite: (head: string) => string
  /** The part of a head that has come. */
  #head: Buffer = NO_BYTES
  #isInHead = true

  /** @param rewrite - of a head as Latin-1, which has a character for each byte */
  constructor(reader: HeadReader, rewrite: (head: string) => string) {
    this.#reader = reader
    this.#rewrite = rewrite
  }

  get isHolding(): boolean {
    return this.#head.length > 0
  }

  push(chunk: Buffer): Buffer {
    // The other direction may have ended the reading meanwhile.
    if (!this.#reader.isReading()) return this.isHolding ? Buffer.concat([this.end(), chunk]) : chunk
    const parts: Buffer[] = []
    let from = 0
    for (const { end, at } of this.#reader.read(chunk)) {
      const part = chunk.subarray(from, at)
      parts.push(end === 'head' ? this.#headOf(part) : part)
      this.#isInHead = end === 'message'
      from = at
    }
    const rest = chunk.subarray(from)
    if (!this.#reader.isReading()) parts.push(this.end(), rest)
    else if (this.#isInHead) this.#head = Buffer.concat([this.#head, rest])
    else parts.push(rest)
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
  }

  end(): Buffer {
    const rest = this.#head
    this.#head = NO_BYTES
    return rest
  }

  #headOf(part: Buffer): Buffer {
    const head = Buffer.concat([this.end(), part]).toString('latin1')
    return Buffer.from(this.#rewrite(head), 'latin1')
  }
}
