import { fileURLToPath } from 'node:url'
import type { Dial } from '../helpers/net.ts'
import { Program } from '../helpers/programs.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))

/** A program of the examples that listens, and says where. */
export class Front implements AsyncDisposable {
  readonly dial: Dial & { port: number }
  readonly #program: Program

  private constructor(program: Program, port: number) {
    this.#program = program
    this.dial = { host: '127.0.0.1', port }
  }

  static async start(name: string, servers: readonly { name: string; port: number }[]): Promise<Front> {
    const backends = servers.map(server => `${server.name}=127.0.0.1:${server.port}`)
    const args = [`${EXAMPLES}${name}/front.js`, '127.0.0.1:0', ...backends]
    const env = { ...process.env, LIMPET_SECRET: 'a secret of tests' }
    const program = new Program(process.execPath, args, { env })
    try {
      await program.says(/are served at 127\.0\.0\.1:\d+/)
      return new Front(program, Number(/at 127\.0\.0\.1:(\d+)/.exec(program.output)?.[1]))
    } catch (error) {
      await program[Symbol.asyncDispose]()
      throw error
    }
  }

  get output(): string {
    return this.#program.output
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { code } = await this.#program.stop()
    if (code !== 0) throw new Error(`the example ended with ${code}: ${this.output}`)
  }
}

export async function endAll(all: readonly AsyncDisposable[]): Promise<void> {
  await Promise.all(all.map(one => one[Symbol.asyncDispose]()))
}
