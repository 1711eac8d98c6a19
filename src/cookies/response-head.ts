import { type ByteFilter, NO_BYTES } from './byte-filter.ts'

/** As for the heads of clients (`peek.bytes`): who sends more in one gets no cookie. */
const MOST_HEAD_BYTES = 16_384
const VERSION = Buffer.from('HTTP/1.')
/** `HTTP/1.1 200`: where the status begins, and where it ends. */
const STATUS = { from: 9, to: 12 } as const
const STATUS_PATTERN = /^HTTP\/1\.[01] \d{3}$/
const LF = 0x0a
const CR = 0x0d
const SWITCHING_PROTOCOLS = 101

/**
 * Puts a header field into the first final response of a connection, behind its other fields; every other byte goes on as it
 * came. Interim responses (1xx, RFC 9110, 15.2) are not final, 101 is. What does not begin like a response of HTTP/1.x, or has
 * a head that is too long, goes on unchanged.
 */
export class HeadInsertion implements ByteFilter {
  readonly #line: Buffer
  readonly #inserted: () => void
  /** The part of a head that has come. */
  #head: Buffer = NO_BYTES
  /** No line feed before this is of interest any more. */
  #seen = 0
  #isDone = false

  /**
   * @param line - the field, with its line end
   * @param inserted - told when it was put in
   */
  constructor(line: Buffer, inserted: () => void) {
    this.#line = line
    this.#inserted = inserted
  }

  get isHolding(): boolean {
    return this.#head.length > 0
  }

  push(chunk: Buffer): Buffer {
    if (this.#isDone) return chunk
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
    const interim: Buffer[] = []
    while (!this.#isDone) {
      const end = this.#findEnd()
      if (end === undefined) break
      interim.push(this.#pass(end))
    }
    if (this.#isDone) interim.push(this.end())
    const [only = NO_BYTES] = interim
    return interim.length < 2 ? only : Buffer.concat(interim)
  }

  end(): Buffer {
    const rest = this.#head
    this.#head = NO_BYTES
    this.#isDone = true
    return rest
  }

  /** Takes a whole head, whose last line begins at `end.fields`. */
  #pass({ fields, body }: HeadEnd): Buffer {
    const status = this.#head.toString('latin1', STATUS.from, STATUS.to)
    const isInterim = status.startsWith('1') && Number(status) !== SWITCHING_PROTOCOLS
    const parts = isInterim
      ? [this.#head.subarray(0, body)]
      : [this.#head.subarray(0, fields), this.#line, this.#head.subarray(fields, body)]
    this.#head = this.#head.subarray(body)
    this.#seen = 0
    if (isInterim) return parts[0] ?? NO_BYTES
    this.#isDone = true
    this.#inserted()
    return Buffer.concat(parts)
  }

  /** Undefined: the head has not ended yet, or will not. */
  #findEnd(): HeadEnd | undefined {
    const head = this.#head
    const known = Math.min(head.length, VERSION.length)
    if (head.compare(VERSION, 0, known, 0, known) !== 0) return this.#giveUp()
    if (head.length >= STATUS.to && !STATUS_PATTERN.test(head.toString('latin1', 0, STATUS.to))) return this.#giveUp()
    for (let at = head.indexOf(LF, this.#seen); at >= 0; at = head.indexOf(LF, at + 1)) {
      this.#seen = at
      const fields = at + 1
      const lineFeed = head[fields] === CR ? fields + 1 : fields
      if (lineFeed >= MOST_HEAD_BYTES || lineFeed >= head.length) break
      if (head[lineFeed] === LF && fields > STATUS.to) return { fields, body: lineFeed + 1 }
    }
    return head.length >= MOST_HEAD_BYTES ? this.#giveUp() : undefined
  }

  #giveUp(): undefined {
    this.#isDone = true
  }
}

interface HeadEnd {
  /** Behind the last field. */
  fields: number
  /** Behind the empty line. */
  body: number
}
