import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Exit } from './processes.ts'
import { until, within } from './wait.ts'

/** How a program is started. */
export interface ProgramOptions extends SpawnOptions {
  /** Its standard output is left to the test; {@link Program.output} has its errors only. */
  leaveOutput?: boolean
}

/** A program that runs until a test stops it. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcess
  readonly exited: Promise<Exit>
  /** Everything that it wrote, on either output. */
  output = ''
  readonly #name: string

  constructor(file: string, args: readonly string[], { leaveOutput = false, ...options }: ProgramOptions = {}) {
    this.#name = file.split('/').at(-1) ?? file
    this.child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    for (const stream of [leaveOutput ? null : this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
    // Without a listener a file that cannot be started would end the tests.
    this.child.on('error', error => {
      this.output += String(error)
    })
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }))
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.child.pid !== undefined
  }

  /** Waits until a text is in the output; rejects when the program ends before. */
  async says(text: string | RegExp): Promise<void> {
    await this.does(`to say ${text}`, () =>
      typeof text === 'string' ? this.output.includes(text) : text.test(this.output),
    )
  }

  /** Waits until it has done something; rejects when it ends before. */
  async does(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
    let isDone = false
    await until(
      `${this.#name} ${what}`,
      async () => {
        const wasRunning = this.isRunning
        isDone = await done()
        return isDone || !wasRunning
      },
      () => this.output,
    )
    if (!isDone) throw new Error(`${this.#name} ended; it was expected ${what}: ${this.output}`)
  }

  /** Asks it to end, and waits for that. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.child.kill(signal)
    return await within(`the end of ${this.#name}`, this.exited)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.stop('SIGKILL')
  }
}

/** Runs a program to its end; rejects when it fails. Gives its standard output. */
export async function runProgram(file: string, args: readonly string[], options: SpawnOptions = {}): Promise<Buffer> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  const parts: Buffer[] = []
  let errors = ''
  child.stdout?.on('data', (part: Buffer) => parts.push(part))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const [code, signal] = (await within(`${file} ${args.join(' ')}`, once(child, 'close'))) as [
    number | null,
    string | null,
  ]
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code ?? signal}: ${errors}`)
  return Buffer.concat(parts)
}
