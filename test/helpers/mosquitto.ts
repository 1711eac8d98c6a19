import { writeFile } from 'node:fs/promises'
import type { Directory } from './directory.ts'
import { freePort } from './net.ts'
import { Program } from './programs.ts'

const TRIES = 5

/** An MQTT broker of a test, with its state in memory. */
export class MosquittoServer implements AsyncDisposable {
  readonly name: string
  readonly port: number
  readonly #program: Program

  private constructor(name: string, port: number, program: Program) {
    this.name = name
    this.port = port
    this.#program = program
  }

  static async start(file: string, name: string, directory: Directory): Promise<MosquittoServer> {
    for (let tries = 1; ; tries++) {
      const port = await freePort()
      const settings = directory.file(`${name}.conf`)
      // It would become a user that may not read the file.
      await writeFile(settings, `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`)
      const program = new Program(file, ['-c', settings])
      try {
        await program.says(/mosquitto version .* running/)
        return new MosquittoServer(name, port, program)
      } catch (error) {
        // Somebody else took the port meanwhile.
        await program[Symbol.asyncDispose]()
        if (tries === TRIES) throw error
      }
    }
  }

  async kill(): Promise<void> {
    await this.#program.stop('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }
}
