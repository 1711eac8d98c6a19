/** Where in a text an offset is; both count from 1. */
export interface Position {
  line: number
  column: number
}

/** Finds lines and columns of a text. */
export class Lines {
  readonly #text: string
  readonly #starts: number[] = [0]

  constructor(text: string) {
    this.#text = text
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1)
  }

  position(offset: number): Position {
    const line = this.#lineIndex(offset)
    return { line: line + 1, column: Math.max(0, offset - this.#start(line)) + 1 }
  }

  /** The text of the line that an offset is in, without its end. */
  lineAt(offset: number): string {
    const line = this.#lineIndex(offset)
    const end = this.#starts[line + 1] ?? this.#text.length + 1
    return this.#text.slice(this.#start(line), end - 1).replace(/\r$/, '')
  }

  /** The offset at which the line of an offset begins. */
  lineStart(offset: number): number {
    return this.#start(this.#lineIndex(offset))
  }

  #start(line: number): number {
    return this.#starts[line] ?? 0
  }

  /** The last line that begins at or before the offset. */
  #lineIndex(offset: number): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.#start(middle) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
