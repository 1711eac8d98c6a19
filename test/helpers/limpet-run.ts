import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { BalancerOptions, SessionClosed } from '../../src/index.ts'
import type { Dial } from './net.ts'
import type { Exit, Prefix } from './processes.ts'
import { Program } from './programs.ts'
import { compiled } from './typescript/compiled.ts'
import { until } from './wait.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url)
const DIE_AT = new URL('children/die-at.ts', import.meta.url)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface LogLine {
  msg?: string
  listener?: string
  address?: string
}

/** `limpet run -c FILE`, as a user runs it. */
export class LimpetRun implements AsyncDisposable {
  readonly #program: Program

  private constructor(program: Program) {
    this.#program = program
  }

  /** Writes the configuration, or what is not one, into the file. */
  static async write(file: string, config: BalancerOptions | string): Promise<void> {
    await writeFile(file, typeof config === 'string' ? config : stringify(config))
  }

  /**
   * Starts it, and waits until it is ready.
   *
   * @param env - variables besides those of this process
   * @param prefix - what it runs in: a network namespace
   */
  static async start(
    file: string,
    options: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
    prefix: Prefix = [],
  ): Promise<LimpetRun> {
    const run = LimpetRun.begin(file, options, env, undefined, prefix)
    try {
      await run.says('"msg":"ready"')
      return run
    } catch (error) {
      await run[Symbol.asyncDispose]()
      throw error
    }
  }

  /**
   * Starts it, and does not wait.
   *
   * @param point - where it is killed, as `die-at.ts` has it; undefined: nowhere
   */
  static begin(
    file: string,
    options: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
    point?: string,
    prefix: Prefix = [],
  ): LimpetRun {
    const preloaded = point === undefined ? [] : ['--import', compiled(DIE_AT)]
    const command = [process.execPath, ...preloaded, compiled(MAIN), 'run', '-c', file, ...options]
    const [program = '', ...args] = [...prefix, ...command]
    const all = { ...process.env, LIMPET_TEST_DIE_AT: point, ...env }
    return new LimpetRun(new Program(program, args, { cwd: ROOT, env: all }))
  }

  get pid(): number {
    return this.#program.child.pid ?? 0
  }

  get exited(): Promise<Exit> {
    return this.#program.exited
  }

  get output(): string {
    return this.#program.output
  }

  async says(text: string): Promise<void> {
    await this.#program.says(text)
  }

  /** Where a TCP listener listens, as a configuration has it. */
  address(listener: string): string {
    const { host, port } = this.dial(listener)
    return `${host}:${port}`
  }

  /** Where a listener listens. */
  dial(listener: string): Dial {
    const line = this.#lines().find(known => known.msg === 'listening' && known.listener === listener)
    const [, path, host = '', port] = /^(?:unix:(.*)|\[?([^\]]*)\]?:(\d+))$/.exec(line?.address ?? '') ?? []
    return path === undefined ? { host, port: Number(port) } : { path }
  }

  /** The first line of the log with this message. */
  logged(message: string): Record<string, unknown> {
    const line = this.#lines().find(({ msg }) => msg === message)
    if (line === undefined) throw new Error(`"${message}" is not in the log:\n${this.#program.output}`)
    return line as Record<string, unknown>
  }

  /** The last line of the log with this message. */
  lastLogged(message: string): Record<string, unknown> {
    return { ...this.#lines().findLast(({ msg }) => msg === message) }
  }

  /** Waits for a number of ended sessions in the log. */
  async sessions(count: number): Promise<SessionClosed[]> {
    const ended = (): LogLine[] => this.#lines().filter(({ msg }) => msg === 'session')
    await until(
      `${count} sessions in the log`,
      () => ended().length >= count,
      () => this.#program.output,
    )
    return ended() as unknown as SessionClosed[]
  }

  /** Writes another configuration and has it read; waits for the answer in the log. */
  async reload(file: string, config: BalancerOptions | string): Promise<string> {
    const answers = (): LogLine[] => this.#lines().filter(({ msg }) => /^(not )?reloaded/.test(msg ?? ''))
    const before = answers().length
    await LimpetRun.write(file, config)
    this.#program.child.kill('SIGHUP')
    await until(
      'an answer to SIGHUP',
      () => answers().length > before,
      () => this.#program.output,
    )
    return answers().at(-1)?.msg ?? ''
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    return await this.#program.stop(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }

  #lines(): LogLine[] {
    const whole = this.#program.output.slice(0, this.#program.output.lastIndexOf('\n') + 1)
    return whole.split('\n').flatMap(line => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []))
  }
}
