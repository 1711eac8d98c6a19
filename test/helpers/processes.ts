import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Context } from 'mocha'
import { requireFeature } from './peers.ts'
import { compiled } from './typescript/compiled.ts'
import { within } from './wait.ts'

const CHILDREN = new URL('children/', import.meta.url)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Clock ticks a second in /proc/PID/stat; fixed on Linux (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS = 100

/** How a process ended. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** What runs before the program itself: a limit, a network namespace. */
export type Prefix = readonly string[]

interface Answer {
  id: number
  value?: unknown
  error?: string
}

/** A process of a test that answers calls: one of the modules in test/helpers/children. */
export class Child implements AsyncDisposable {
  readonly exited: Promise<Exit>
  readonly #process: ChildProcess
  readonly #name: string
  readonly #calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #errors = ''
  #lastId = 0

  private constructor(name: string, child: ChildProcess) {
    this.#name = name
    this.#process = child
    child.on('message', message => this.#answered(message as Answer))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    this.exited = once(child, 'close').then(([code, signal]) => {
      const error = new Error(`the process ${name} ended (${code ?? signal}): ${this.#errors}`)
      for (const { reject } of this.#calls.values()) reject(error)
      this.#calls.clear()
      return { code, signal }
    })
  }

  /** Starts a module, and waits until it answers. */
  static async start(name: string, prefix: Prefix = []): Promise<Child> {
    const module = compiled(new URL(`${name}.ts`, CHILDREN))
    const [program = '', ...args] = [...prefix, process.execPath, '--expose-gc', module]
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc'] as const
    const child = new Child(name, spawn(program, args, { cwd: ROOT, stdio: [...stdio] }))
    try {
      await child.call('ping')
      return child
    } catch (error) {
      await child.kill()
      throw error
    }
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error(`the process ${this.#name} did not start`)
    return this.#process.pid
  }

  /** What it wrote on its standard error. */
  get errors(): string {
    return this.#errors
  }

  /** Calls one of its functions; rejects when that throws, or when the process ends. */
  async call<T = void>(method: string, ...args: readonly unknown[]): Promise<T> {
    const id = ++this.#lastId
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      this.#process.send({ id, method, args }, error => {
        if (error !== null) reject(error)
      })
    })
    return (await within(`${this.#name}.${method}()`, answer)) as T
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Ends it, and waits for that. */
  async kill(): Promise<Exit> {
    this.#process.kill('SIGKILL')
    return await within(`the end of ${this.#name}`, this.exited)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #answered({ id, value, error }: Answer): void {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    if (error === undefined) call?.resolve(value)
    else call?.reject(new Error(`${this.#name}: ${error}`))
  }
}

/** Several processes of a test that end together; as many as there were names. */
export class Children<Names extends readonly string[]> implements AsyncDisposable {
  readonly all: { [Index in keyof Names]: Child }

  private constructor(all: { [Index in keyof Names]: Child }) {
    this.all = all
  }

  static async start<const Names extends readonly string[]>(
    names: Names,
    prefix: Prefix = [],
  ): Promise<Children<Names>> {
    const started = await Promise.allSettled(names.map(name => Child.start(name, prefix)))
    const all = started.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    const failed = started.find(result => result.status === 'rejected')
    if (failed === undefined) return new Children(all as { [Index in keyof Names]: Child })
    await Promise.all(all.map(child => child.kill()))
    throw failed.reason
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map(child => child.kill()))
  }
}

/** CPU time that a process has used, in seconds. */
export function cpuSeconds(pid: number): number {
  // Behind the name of the program, which may hold anything but ends at the last parenthesis (proc(5)).
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) * 1024
}

/** Descriptors that a process has open. */
export function fdsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Skips (or fails) a test whose processes need more descriptors than one may have here. */
export function requireFds(context: Context, needed: number): void {
  const [, limit = ''] = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  if (limit === 'unlimited' || Number(limit) >= needed) return
  requireFeature(context, `this test needs ${needed} file descriptors for a process, and the limit is ${limit}`)
}

/** The prefix that limits the descriptors of a program, for good: Node raises a soft limit. */
export function withFds(limit: number): Prefix {
  return ['sh', '-c', `ulimit -n ${limit} && exec "$@"`, 'sh']
}
