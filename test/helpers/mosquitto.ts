import { writeFile } from 'node:fs/promises'
import type { Directory } from './directory.ts'
import { startOnFreePort } from './on-free-port.ts'
import { Program } from './programs.ts'

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
    const settings = directory.file(`${name}.conf`)
    const { program, port } = await startOnFreePort(
      async at => {
        // It would become a user that may not read the file.
        await writeFile(settings, `listener ${at} 127.0.0.1\nallow_anonymous true\nuser root\n`)
        return new Program(file, ['-c', settings])
      },
      started => started.says(/mosquitto version .* running/),
    )
    return new MosquittoServer(name, port, program)
  }

  async kill(): Promise<void> {
    await this.#program.stop('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }
}
