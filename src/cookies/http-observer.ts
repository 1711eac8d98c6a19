import { HTTPParser } from 'http-parser-js'
import { type Kind, StrictParser } from './strict-parser.ts'

/** What a parser may take in without having found anything whole: the longest head, and the longest line of a chunk. */
const MOST_UNREAD_BYTES = 65_536
/** Requests that wait for their responses. */
const MOST_PIPELINED = 1024
/** What `kOnHeadersComplete` says of a body: there is one where there is a length; there is none; nothing of HTTP follows. */
const BODY = { any: 0, none: 1, end: 2 } as const
const SWITCHING_PROTOCOLS = 101
const WITHOUT_BODY = new Set([204, 304])

type HeadersComplete = (
  versionMajor: number,
  versionMinor: number,
  fields: string[],
  method: number,
  url: string,
  status: number,
  statusMessage: string,
  isUpgrade: boolean,
) => number

/** A place in the bytes that were read: the end of a head, with its empty line, or of a message. */
export interface Mark {
  readonly end: 'head' | 'message'
  /** So many bytes of what was read were before it. */
  readonly at: number
}

/** One direction: a parser, how much it has taken in since it last found something, and what it found in the last bytes. */
interface Side {
  readonly parser: StrictParser
  unread: number
  marks: Mark[]
}

/** What an observer tells, and what it may do. */
export interface ObserverSettings {
  /** Told the value of each field `Set-Cookie`. */
  readonly setCookie?: ((field: string) => void) | undefined
  /**
   * What a client sends behind a request to change the protocol, before that is answered, may be read later. False: it ends the
   * observation, so that all marks are of bytes that have just come.
   */
  readonly readsLater: boolean
}

/**
 * Reads the requests and responses of one connection of HTTP/1.x as they pass, and tells the fields `Set-Cookie` of every final
 * response. What it cannot read, it reads no further: that ends the observation, never the connection. An answer with status
 * 101, or 2xx to CONNECT, ends it as well: what follows is not HTTP. Texts are Latin-1, which has a character for each byte.
 */
export class HttpObserver {
  readonly #settings: ObserverSettings
  readonly #requests: Side
  readonly #responses: Side
  /** Of requests without their final response, by their place in `HTTPParser.methods`. */
  readonly #methods: number[] = []
  /** What follows a request that may end HTTP, until its response tells. */
  #behindUpgrade: Buffer[] | undefined
  #behindUpgradeBytes = 0
  #isUpgrade = false
  #state: 'reads' | 'over' | 'failed' = 'reads'

  constructor(settings: ObserverSettings) {
    this.#settings = settings
    this.#requests = sideOf(
      HTTPParser.REQUEST,
      (_, __, fields, method, ___, ____, _____, isUpgrade) => this.#request(fields, method, isUpgrade),
      () => this.#requested(),
    )
    this.#responses = sideOf(HTTPParser.RESPONSE, (_, __, fields, ___, ____, status) => this.#response(fields, status))
  }

  /** False: there is nothing to be read any more. */
  get isReading(): boolean {
    return this.#state === 'reads'
  }

  /** It met something that it could not read. */
  get hasFailed(): boolean {
    return this.#state === 'failed'
  }

  /** Bytes of the client. What ended in them. */
  sent(chunk: Buffer): readonly Mark[] {
    if (this.#behindUpgrade === undefined) return this.#read(this.#requests, chunk, rest => this.#keep(rest))
    this.#keep(chunk)
    return []
  }

  /** Bytes of the backend. What ended in them. */
  answered(chunk: Buffer): readonly Mark[] {
    return this.#read(this.#responses, chunk, () => undefined)
  }

  #read(side: Side, chunk: Buffer, over: (rest: Buffer) => void): readonly Mark[] {
    if (!this.isReading) return []
    side.unread += chunk.length
    side.marks = []
    const read = side.parser.execute(chunk)
    if (!this.isReading) return side.marks
    // A length that is no number makes a place of the parser that is none.
    if (typeof read !== 'number' || Number.isNaN(read) || side.unread > MOST_UNREAD_BYTES) this.#state = 'failed'
    else if (read < chunk.length) over(chunk.subarray(read))
    return side.marks
  }

  #keep(chunk: Buffer): void {
    if (!this.#settings.readsLater) this.#state = 'failed'
    this.#behindUpgrade ??= []
    this.#behindUpgrade.push(chunk)
    this.#behindUpgradeBytes += chunk.length
    if (this.#behindUpgradeBytes > MOST_UNREAD_BYTES) this.#state = 'failed'
  }

  #request(fields: string[], method: number, isUpgrade: boolean): number {
    this.#isUpgrade = isUpgrade
    this.#methods.push(method)
    return this.#methods.length > MOST_PIPELINED || !isReadable(fields) ? this.#fail() : BODY.any
  }

  #requested(): void {
    if (this.#isUpgrade) this.#behindUpgrade = []
  }

  #response(fields: string[], status: number): number {
    if (status < 200 && status !== SWITCHING_PROTOCOLS) return BODY.none
    const method = HTTPParser.methods[this.#methods.shift() ?? -1]
    for (let at = 0; at < fields.length; at += 2) {
      if (fields[at]?.toLowerCase() === 'set-cookie') this.#settings.setCookie?.(fields[at + 1] ?? '')
    }
    if (status === SWITCHING_PROTOCOLS || (method === 'CONNECT' && status < 300)) {
      this.#state = 'over'
      return BODY.end
    }
    this.#goOnBehindUpgrade()
    // Of these, the parser itself would wait for as many bytes as a field Content-Length says.
    if (method === 'HEAD' || WITHOUT_BODY.has(status)) return BODY.none
    return isReadable(fields) ? BODY.any : this.#fail()
  }

  /** The protocol stays: the last request that was read is answered. */
  #goOnBehindUpgrade(): void {
    if (this.#behindUpgrade === undefined || this.#methods.length > 0) return
    const rest = Buffer.concat(this.#behindUpgrade)
    this.#behindUpgrade = undefined
    this.#behindUpgradeBytes = 0
    this.#isUpgrade = false
    this.sent(rest)
  }

  #fail(): number {
    this.#state = 'failed'
    return BODY.end
  }
}

function sideOf(kind: Kind, headersComplete: HeadersComplete, messageComplete?: () => void): Side {
  const parser = new StrictParser(kind)
  const side: Side = { parser, unread: 0, marks: [] }
  const found = (): void => {
    side.unread = 0
  }
  const complete: HeadersComplete = (...head) => {
    found()
    side.marks.push({ end: 'head', at: parser.offset })
    return headersComplete(...head)
  }
  parser[HTTPParser.kOnHeadersComplete] = complete
  parser[HTTPParser.kOnBody] = found
  parser[HTTPParser.kOnMessageComplete] = () => {
    side.marks.push({ end: 'message', at: parser.offset })
    messageComplete?.()
  }
  return side
}

/** Whether the parser knows how long the body is: it takes any number, no coding but `chunked`, and of both of them one. */
function isReadable(fields: string[]): boolean {
  let hasLength = false
  let hasCoding = false
  for (let at = 0; at < fields.length; at += 2) {
    const value = fields[at + 1] ?? ''
    switch (fields[at]?.toLowerCase()) {
      case 'content-length':
        hasLength = true
        if (!/^\d{1,15}$/.test(value)) return false
        break
      case 'transfer-encoding':
        hasCoding = true
        if (value.toLowerCase() !== 'chunked') return false
        break
      default:
    }
  }
  return !(hasLength && hasCoding)
}
