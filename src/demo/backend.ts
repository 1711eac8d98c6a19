import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { reset } from '../relay/direction.ts'

const HOST = '127.0.0.1'

/** A small server that says its name and echoes lines. */
export class DemoBackend {
  readonly name: string
  readonly #clients = new Set<Socket>()
  #server: Server | undefined
  #port = 0

  constructor(name: string) {
    this.name = name
  }

  get isRunning(): boolean {
    return this.#server !== undefined
  }

  /** The same in every life of the backend. */
  get address(): string {
    return `${HOST}:${this.#port}`
  }

  /** Rejects with the error of `net`. */
  async start(): Promise<void> {
    const server = createServer(client => this.#serve(client))
    server.listen({ host: HOST, port: this.#port })
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Dies: connections are reset, so that their clients see it at once, and new ones refused. */
  stop(): void {
    this.#server?.close()
    this.#server = undefined
    for (const client of this.#clients) reset(client)
  }

  #serve(client: Socket): void {
    this.#clients.add(client)
    client.setEncoding('utf8')
    client.write(`Hello, this is backend ${this.name}. Type something, I send it back.\n`)
    let line = ''
    client.on('data', (text: string) => {
      const lines = (line + text).split('\n')
      // Whoever never ends a line gets it back in pieces.
      line = (lines.at(-1) ?? '').length > 4096 ? '' : (lines.pop() ?? '')
      for (const whole of lines) client.write(`${this.name}: ${whole}\n`)
    })
    // A client that resets its connection is gone, and that is all there is to it.
    client.on('error', () => client.destroy())
    client.on('close', () => this.#clients.delete(client))
  }
}
