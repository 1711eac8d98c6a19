import { setTimeout as wait } from 'node:timers/promises'
import type { Io } from '../io.ts'

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
/** Ctrl-C and Ctrl-D, too: in raw mode they are no signals. */
const ENDING_KEYS = ['q', 'Q', '\u0003', '\u0004'] as const
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** When whoever watches has had enough: `q`, Ctrl-C, or a signal. */
export class Watcher {
  readonly #io: Io
  readonly #end = new AbortController()

  constructor(io: Io) {
    this.#io = io
    for (const signal of STOP_SIGNALS) io.signals.on(signal, this.#stop)
    io.keyboard?.setRawMode(true)
    io.keyboard?.on('data', this.#pressed)
    io.keyboard?.resume()
  }

  get hasEnded(): boolean {
    return this.#end.signal.aborted
  }

  /** Waits so long, or until the end. */
  async pause(ms: number): Promise<void> {
    // An abort is the end of the wait, and of nothing else.
    await wait(ms, undefined, { signal: this.#end.signal }).catch(() => undefined)
  }

  close(): void {
    for (const signal of STOP_SIGNALS) this.#io.signals.off(signal, this.#stop)
    this.#io.keyboard?.off('data', this.#pressed)
    this.#io.keyboard?.setRawMode(false)
    this.#io.keyboard?.pause()
  }

  readonly #stop = (): void => this.#end.abort()

  readonly #pressed = (keys: Buffer | string): void => {
    if (ENDING_KEYS.some(key => keys.includes(key))) this.#stop()
  }
}

/** The whole terminal, given back as it was. */
export class Screen {
  readonly #io: Io

  constructor(io: Io) {
    this.#io = io
  }

  async open(): Promise<void> {
    await this.#io.stdout.write(ENTER)
  }

  /** Draws over what is there, so that nothing flickers; what does not fit is left out. */
  async draw(lines: readonly string[]): Promise<void> {
    const { stdout } = this.#io
    const shown = lines.slice(0, stdout.height ?? lines.length)
    await stdout.write(HOME + shown.map(line => line + CLEAR_LINE).join('\n') + CLEAR_BELOW)
  }

  async close(): Promise<void> {
    await this.#io.stdout.write(LEAVE)
  }
}
