import { readFileSync } from 'node:fs'
import { Program } from './programs.ts'

/** System calls by name. */
export type Calls = Map<string, number>

/** `strace` beside a running process, until it is taken off. */
export class SyscallTrace implements AsyncDisposable {
  readonly #program: Program
  readonly #pid: number
  readonly #file: string

  private constructor(program: Program, pid: number, file: string) {
    this.#program = program
    this.#pid = pid
    this.#file = file
  }

  /** Waits until every thread of the process is traced. `file` gets the trace. */
  static async attach(strace: string, pid: number, file: string): Promise<SyscallTrace> {
    const program = new Program(strace, ['-f', '-o', file, '-p', String(pid)])
    try {
      await program.says(/attached/)
      return new SyscallTrace(program, pid, file)
    } catch (error) {
      await program[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Calls so far of the main thread, or of all others together. A call that was interrupted counts once. */
  calls(of: 'main' | 'others'): Calls {
    const calls: Calls = new Map()
    for (const [, thread, name = ''] of readFileSync(this.#file, 'utf8').matchAll(/^(\d+) +(\w+)\(/gm)) {
      if ((Number(thread) === this.#pid) === (of === 'main')) calls.set(name, (calls.get(name) ?? 0) + 1)
    }
    return calls
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#program.isRunning) await this.#program.stop('SIGINT')
  }
}
