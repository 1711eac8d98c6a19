import { nativeProgram } from '../programs.ts'
import { Child, jsonWith } from './child.ts'
import type { Faults } from './faults.ts'

/** What `limpet-bench-load` prints of a trial. CPU times are those of the window in which units were counted. */
export interface LoadResult {
  /** Connections, or round trips. */
  units: number
  /** Of bulk transfers, both ways together. */
  bytes: number
  ns: number
  watchedCpuNs: number
  loadCpuNs: number
  backendCpuNs: number
  machineCpuNs: number
  latencyNs: { count: number; p50: number; p99: number; p999: number; most: number }
  faults: Faults
}

/** What the backends print at their end. */
export interface BackendTotals {
  connections: number
  answers: number
  received: number
  sent: number
  faults: Faults
}

/** The backends: one process that listens on several ports. */
export class Backends implements AsyncDisposable {
  readonly ports: readonly number[]
  readonly pid: number
  readonly #child: Child

  private constructor(child: Child, ports: readonly number[]) {
    this.#child = child
    this.ports = ports
    this.pid = child.pid
  }

  /** `skip`: bytes before the first message of each connection. */
  static async start(
    { count, threads = 1, skip = 0 }: { count: number; threads?: number; skip?: number },
    signal: AbortSignal,
  ): Promise<Backends> {
    const child = startLoad('backend', { ports: count, threads, skip })
    try {
      const { ports } = await child.line(jsonWith<{ ports: number[] }>('ports'), signal)
      return new Backends(child, ports)
    } catch (error) {
      await child[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Ends them. */
  async totals(signal: AbortSignal): Promise<BackendTotals> {
    this.#child.endInput()
    return await this.#child.line(jsonWith<BackendTotals>('connections'), signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}

/** Arguments of the load generator; see bench/load/main.cc. */
export type LoadArguments = Record<string, string | number>

/** Runs a trial to its end. */
export async function runLoad(trial: string, args: LoadArguments, signal: AbortSignal): Promise<LoadResult> {
  await using child = startLoad(trial, args)
  const busyMs = Number(args.ms ?? 0) + Number(args['warmup-ms'] ?? 0)
  return await child.line(jsonWith<LoadResult>('latencyNs'), signal, busyMs)
}

/** Sessions that rest until {@link IdleSessions.faults} is asked for. */
export class IdleSessions implements AsyncDisposable {
  readonly #child: Child

  private constructor(child: Child) {
    this.#child = child
  }

  static async open(args: LoadArguments, signal: AbortSignal): Promise<IdleSessions> {
    const child = startLoad('idle', args)
    try {
      await child.line(jsonWith<{ open: number }>('open'), signal)
      return new IdleSessions(child)
    } catch (error) {
      await child[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Asks each session once more, and closes all. */
  async faults(signal: AbortSignal): Promise<Faults> {
    this.#child.endInput()
    return (await this.#child.line(jsonWith<{ faults: Faults }>('faults'), signal)).faults
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}

/** Where the load generator connects to. */
export function targetsOf(ports: readonly number[]): string {
  return ports.map(port => `127.0.0.1:${port}`).join(',')
}

function startLoad(command: string, args: LoadArguments): Child {
  const pairs = Object.entries(args).flatMap(([name, value]) => [`--${name}`, String(value)])
  // A trial reads no input and is stopped by force; the others end with theirs.
  const farewell = command === 'backend' || command === 'idle' ? 'end of input' : 'SIGKILL'
  return new Child(nativeProgram('load'), [command, ...pairs], farewell)
}
