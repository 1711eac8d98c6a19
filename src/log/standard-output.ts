import type { Writable } from 'node:stream'
import { humanLine } from './human.ts'

/** So much is kept for a reader that does not read; more would be the whole memory in time. */
const MOST_WAITING = 1024 * 1024

/**
 * Writes lines to a stream without ever waiting for whoever reads it: past 1 MiB that waits, lines are dropped, and once
 * half of that is gone one line tells how many. At the first error (a reader that left, a full disk) the log is given up.
 */
export class BoundedOutput {
  readonly #stream: Writable
  readonly #format: (line: string) => string
  #dropped = 0
  #isLost = false

  /** `format`: how a JSON line is written. */
  constructor(stream: Writable, format: (line: string) => string) {
    this.#stream = stream
    this.#format = format
    stream.on('error', () => {
      this.#isLost = true
    })
    stream.on('drain', () => this.#tellDropped())
  }

  /** Takes a JSON line with its line feed. */
  write(line: string): void {
    const most = this.#dropped === 0 ? MOST_WAITING : MOST_WAITING / 2
    if (this.#stream.writableLength > most) {
      this.#dropped++
      return
    }
    this.#tellDropped()
    this.#put(line)
  }

  /** Resolves when everything was written or is lost, at the latest after `timeoutMs`. */
  async written(timeoutMs: number): Promise<void> {
    if (this.#isLost || this.#stream.writableLength === 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#stream.write('', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return
    const facts = { level: 'warn', time: new Date().toISOString(), lines: this.#dropped }
    this.#dropped = 0
    this.#put(`${JSON.stringify({ ...facts, msg: 'lines were dropped: nobody read the log' })}\n`)
  }

  #put(line: string): void {
    if (this.#isLost) return
    try {
      this.#stream.write(this.#format(line))
    } catch {
      // A file is written at once, and some versions of Node throw what goes wrong then.
      this.#isLost = true
    }
  }
}

let output: BoundedOutput | undefined
let isJson = process.env.LIMPET_LOG_FORMAT === 'json'

/**
 * Standard output, one for all balancers of the process. `net`'s way of writing does not block, as opposed to a
 * descriptor's own; lines are for people where it is a terminal.
 */
export function standardOutput(): BoundedOutput {
  const { stdout } = process
  output ??= new BoundedOutput(stdout, line => (stdout.isTTY && !isJson ? humanLine(line) : line))
  return output
}

/** From now on lines are JSON also on a terminal, as with `LIMPET_LOG_FORMAT=json`. */
export function alwaysJson(): void {
  isJson = true
}
