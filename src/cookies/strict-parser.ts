import { HTTPParser } from 'http-parser-js'
import { isSpace, withoutSpace } from './optional-space.ts'

export type Kind = 'REQUEST' | 'RESPONSE'

/** The parser as it is: its types leave out some of this, and call some of it private. */
interface LenientParser {
  /** The place that it has come to in the bytes that it reads. */
  readonly offset: number
  /** What it reads now. */
  readonly state: string
  /** The part of a line that has come. */
  readonly line: string
  execute(chunk: Buffer): number | Error
  /** The next line without its end; undefined: it has not come as a whole. */
  consumeLine(): string | undefined
  parseHeader(line: string, fields: string[]): void
  /** By `HTTPParser.kOn…`. */
  [event: number]: unknown
}

const LenientParser = HTTPParser as unknown as new (kind: Kind) => LenientParser

// Whoever asks for this switches all parsers of the process from one object to separate arguments. Another library may: so it
// is settled here.
void HTTPParser.kOnExecute
// In ASCII, which the parser takes otherwise, bytes of other alphabets become letters, colons and line ends.
HTTPParser.encoding = 'latin1'

/** A token and a colon (RFC 9112, 5.1). */
const FIELD_NAME = /^[!#$%&'*+.^_`|~\w-]+:/
/** Sizes below 2⁵², and what may follow them (RFC 9112, 7.1). */
const CHUNK_SIZE = /^[\da-f]{1,13}[ \t]*(?:$|;)/i
/** What a first line begins with, as far as it has come; an empty line before it is allowed (RFC 9112, 2.2). */
const REQUEST_LINE = /^(?:\r?$|[A-Z-]{1,32}(?:$| ))/
const RESPONSE_LINE = 'HTTP/1.'

/**
 * A parser of HTTP/1.x that throws for what it would otherwise read in a way of its own: sizes of chunks that are no numbers (a
 * negative one makes it read the same bytes again, for ever), lines of a head that are no fields, and other protocols, of which
 * it would wait for the end of a line that may never come.
 */
export class StrictParser extends LenientParser {
  override consumeLine(): string | undefined {
    const line = super.consumeLine()
    if (!canBegin(this.state, line ?? this.line)) throw new SyntaxError('this is not HTTP/1.x')
    if (line !== undefined && this.state === 'BODY_CHUNKHEAD' && !CHUNK_SIZE.test(line))
      throw new SyntaxError('this is not the size of a chunk')
    return line
  }

  /** Takes time in proportion to the line, as its patterns would not. */
  override parseHeader(line: string, fields: string[]): void {
    if (line.includes('\r')) throw new SyntaxError('a line ends in the middle')
    if (isSpace(line.charCodeAt(0)) && fields.length > 0) {
      // The continuation of the field before it (RFC 9112, 5.2).
      fields.push(withoutSpace(`${fields.pop()} ${withoutSpace(line)}`))
      return
    }
    if (!FIELD_NAME.test(line)) throw new SyntaxError('this is not a field')
    const colon = line.indexOf(':')
    fields.push(line.slice(0, colon), withoutSpace(line.slice(colon + 1)))
  }
}

function canBegin(state: string, text: string): boolean {
  if (state === 'REQUEST_LINE') return REQUEST_LINE.test(text)
  if (state !== 'RESPONSE_LINE') return true
  return text === '' || text === '\r' || RESPONSE_LINE.startsWith(text.slice(0, RESPONSE_LINE.length))
}
