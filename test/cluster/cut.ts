import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server that can be cut: nothing gets through then, and neither end is told. */
export class Cut implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isCut = false

  private constructor(port: number) {
    this.#server = createServer(near => {
      const far = connect(port, '127.0.0.1')
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket))
        if (this.#isCut) socket.pause()
      }
      near.on('data', bytes => far.write(bytes)).on('close', () => far.destroy())
      far.on('data', bytes => near.write(bytes)).on('close', () => near.destroy())
      this.cut(this.#isCut)
    })
  }

  static async open(port: number): Promise<Cut> {
    const made = new Cut(port)
    made.#server.listen(0, '127.0.0.1')
    await once(made.#server, 'listening')
    return made
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  cut(isCut: boolean): void {
    this.#isCut = isCut
    for (const socket of this.#sockets) {
      if (isCut) socket.pause()
      else socket.resume()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
