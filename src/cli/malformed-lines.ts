import { malformedText } from './explain-addresses.ts'
import type { Terminal } from './terminal.ts'

/** Malformed lines that are told each; of more, only the count. */
const MOST_TOLD = 5
const LINE_FEED = 0x0a

/** Numbers lines, tells the first malformed ones, and counts all of them. */
export class MalformedLines {
  count = 0
  #line = 0
  #untold: string[] = []

  /** A block without a malformed line. */
  skip(block: Buffer): void {
    for (let at = block.indexOf(LINE_FEED); at >= 0; at = block.indexOf(LINE_FEED, at + 1)) this.#line += 1
  }

  /** The next line; `malformed`: its text, if it was malformed. */
  take(malformed: string | undefined): void {
    this.#line += 1
    if (malformed === undefined) return
    this.count += 1
    if (this.count <= MOST_TOLD) this.#untold.push(`line ${this.#line}: ${malformedText(malformed)}`)
  }

  /** Tells what was not told yet. */
  async tell(terminal: Terminal): Promise<void> {
    for (const text of this.#untold.splice(0)) await terminal.line(`${terminal.style('red', 'limpet:')} ${text}`)
  }

  /** Tells how many there were, if not each was told. */
  async conclude(terminal: Terminal): Promise<void> {
    if (this.count > MOST_TOLD)
      this.#untold.push(`${this.count} malformed lines were left out, the first ${MOST_TOLD} are above`)
    await this.tell(terminal)
  }
}
