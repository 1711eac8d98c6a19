import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { basename } from 'node:path'
import { LimpetError } from '../../errors.ts'

/** For what a program says when it has started, or ends. */
const ANSWER_MS = 60_000
/** For a program that was asked to end; then it is killed. */
const END_MS = 10_000
/** Of what it wrote on standard error, so many characters are kept. */
const KEPT_ERRORS = 4000

/** How a child is asked to end. */
export type Farewell = 'end of input' | 'SIGTERM' | 'SIGKILL'

/** A program that a cell of the benchmark starts, listens to, and ends. */
export class Child implements AsyncDisposable {
  readonly #name: string
  readonly #child: ChildProcess
  readonly #farewell: Farewell
  readonly #ended: Promise<unknown>
  readonly #changes = new EventEmitter()
  readonly #lines: string[] = []
  #part = ''
  #errors = ''
  #hasEnded = false

  constructor(file: string, args: readonly string[], farewell: Farewell) {
    this.#name = basename(file)
    this.#farewell = farewell
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#wrote(text))
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-KEPT_ERRORS)
    })
    // A program that has ended cannot be told anything; its end is seen elsewhere.
    this.#child.stdin?.on('error', () => undefined)
    this.#child.on('error', error => {
      this.#errors += error.message
    })
    this.#ended = once(this.#child, 'close').then(
      () => this.#end(),
      () => this.#end(),
    )
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isRunning(): boolean {
    return !this.#hasEnded
  }

  /**
   * The first line from which `read` makes something; what comes before is dropped.
   *
   * @param busyMs - how long it works before it says anything
   * @throws {@link LimpetError} `LIMPET_ERR_BENCH_PROGRAM`: it ended, or took too long
   */
  async line<T>(read: (line: string) => T | undefined, signal: AbortSignal, busyMs = 0): Promise<T> {
    const patienceMs = ANSWER_MS + busyMs
    const late = AbortSignal.timeout(patienceMs)
    const either = AbortSignal.any([signal, late])
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        const found = read(line)
        if (found !== undefined) return found
      }
      if (this.#hasEnded) throw this.failure('ended early')
      try {
        await once(this.#changes, 'change', { signal: either })
      } catch (error) {
        if (late.aborted && !signal.aborted) throw this.failure(`said nothing for ${patienceMs / 1000} s`)
        throw error
      }
    }
  }

  /** Its standard input ends: the programs of the benchmark then say what they found. */
  endInput(): void {
    this.#child.stdin?.end()
  }

  failure(what: string): LimpetError {
    const said = this.#errors.trim().split('\n').slice(-5).join('\n')
    return new LimpetError('LIMPET_ERR_BENCH_PROGRAM', `${this.#name} ${what}${said === '' ? '' : `: ${said}`}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return
    this.endInput()
    if (this.#farewell !== 'end of input') this.#child.kill(this.#farewell)
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS)
    await this.#ended
    clearTimeout(killer)
  }

  #wrote(text: string): void {
    const lines = (this.#part + text).split('\n')
    this.#part = lines.pop() ?? ''
    this.#lines.push(...lines)
    this.#changes.emit('change')
  }

  #end(): void {
    this.#hasEnded = true
    this.#changes.emit('change')
  }
}

/** For {@link Child.line}: a line of JSON that has a key. */
export function jsonWith<T extends object>(key: keyof T & string): (line: string) => T | undefined {
  return line => {
    if (!line.startsWith('{')) return undefined
    const value = JSON.parse(line) as T
    return key in value ? value : undefined
  }
}
