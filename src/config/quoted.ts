/** A piece of a text, from `start` to before `end`. */
export interface Piece {
  start: number
  end: number
}

const ADDRESS_BEFORE = /\[\s*[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%\w+)?\s*\]$/
const PORT = /:\d{1,5}(?![\w.])/y
/** The longest text of an address is 45 characters; a zone and blanks may come to it. */
const LONGEST = 80

/**
 * The `[v6]:port` at which a YAML parser stumbles because the quotes are missing, given where it did: it takes the
 * address for a list, and does not expect the port behind it.
 */
export function unquotedAddresses(text: string, stumbles: readonly number[]): Piece[] {
  return stumbles.flatMap(offset => {
    const [address] = ADDRESS_BEFORE.exec(text.slice(Math.max(0, offset - LONGEST), offset)) ?? []
    PORT.lastIndex = offset
    const [port] = PORT.exec(text) ?? []
    return address === undefined || port === undefined
      ? []
      : [{ start: offset - address.length, end: offset + port.length }]
  })
}

/** A text in which pieces were put between quotes, with the way back to its original. */
export class QuotedText {
  readonly text: string
  /** Where each piece begins in the text with quotes. */
  readonly starts: readonly number[]
  /** Where the quotes are. */
  readonly #quotes: readonly number[]

  /** @param pieces - in the order of the text, apart from each other */
  constructor(original: string, pieces: readonly Piece[]) {
    this.starts = pieces.map(({ start }, index) => start + 2 * index)
    this.#quotes = pieces.flatMap(({ start, end }, index) => [start + 2 * index, end + 2 * index + 1])
    let copied = 0
    let text = ''
    for (const { start, end } of pieces) {
      text += `${original.slice(copied, start)}"${original.slice(start, end)}"`
      copied = end
    }
    this.text = text + original.slice(copied)
  }

  /** Where in the original an offset of this text is. */
  originalOffset(offset: number): number {
    return offset - this.#quotes.filter(quote => quote < offset).length
  }
}
