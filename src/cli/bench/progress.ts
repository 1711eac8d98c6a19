import type { Terminal } from '../terminal.ts'

const BAR = 24
const REDRAW_MS = 1000

/**
 * How far a benchmark is, on standard error: a bar on a terminal, a line for each step elsewhere. Whoever cannot be told
 * is no reason to stop.
 */
export class Progress {
  readonly #terminal: Terminal
  readonly #began = performance.now()
  #timer: NodeJS.Timeout | undefined
  #written: Promise<void> = Promise.resolve()
  #steps = 0
  /** Steps that have begun. */
  #begun = 0
  #label = ''

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  plan(steps: number): void {
    this.#steps = steps
    // A step may take a minute; the time that has passed shows that it goes on.
    if (this.#terminal.isTerminal) this.#timer = setInterval(() => this.#draw(), REDRAW_MS).unref()
  }

  step(label: string): void {
    this.#begun += 1
    this.#label = label
    if (this.#terminal.isTerminal) this.#draw()
    else this.#write(`${this.#begun}/${this.#steps} ${label}\n`)
  }

  /** A line that stays. */
  note(text: string): void {
    this.#write(`${this.#clear()}${this.#terminal.style('yellow', 'note:')} ${text}\n`)
    if (this.#timer !== undefined) this.#draw()
  }

  /** Takes the bar away, and waits until everything is written. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#write(this.#clear())
    await this.#written
  }

  #draw(): void {
    const done = Math.max(0, this.#begun - 1)
    const filled = this.#steps === 0 ? 0 : Math.round((BAR * done) / this.#steps)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR - filled)
    const seconds = Math.round((performance.now() - this.#began) / 1000)
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
    this.#write(this.#clear() + this.#terminal.cut(`${bar} ${this.#begun}/${this.#steps} ${time} ${this.#label}`))
  }

  /** Back to the beginning of the line, and nothing on it. */
  #clear(): string {
    return this.#terminal.isTerminal ? '\r\u001b[2K' : ''
  }

  #write(text: string): void {
    if (text === '') return
    this.#written = this.#written.then(() => this.#terminal.write(text)).catch(() => undefined)
  }
}
