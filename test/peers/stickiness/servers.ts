import { constants } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { freePort } from '../../helpers/net.ts'

/** As `node:tls` takes it. */
export interface Certificate {
  key: Buffer
  cert: Buffer
}

export type Kind = 'tcp' | 'http' | 'tls'

/** A server that says its name. It dies and comes back on its port. */
export class NamedServer implements AsyncDisposable {
  readonly name: string
  readonly port: number
  readonly #make: () => Server
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  private constructor(name: string, port: number, make: () => Server) {
    this.name = name
    this.port = port
    this.#make = make
  }

  /** `answer`: what an HTTP server does before it says its name. */
  static async start(
    kind: Kind,
    name: string,
    certificate: Certificate,
    answer: (request: IncomingMessage, response: ServerResponse, name: string) => void,
  ): Promise<NamedServer> {
    const say = (socket: Socket): void => void socket.on('error', () => undefined).end(`${name}\n`)
    const make = {
      tcp: () => createServer(say),
      tls: () => tlsServer(certificate, say),
      http: () =>
        createHttpServer((request, response) => {
          answer(request, response, name)
          response.end(`${name}\n`)
        }),
    }[kind]
    const server = new NamedServer(name, await freePort(), make)
    await server.comeBack()
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Its connections are cut, and its port refuses. */
  async die(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(server, 'close')
  }

  async comeBack(): Promise<void> {
    const server = this.#make()
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die()
  }
}

/** Sessions are kept by their ids, as tickets would not tell whose they are. */
function tlsServer(certificate: Certificate, say: (socket: Socket) => void): Server {
  const sessions = new Map<string, Buffer>()
  return createTlsServer({ ...certificate, maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET }, say)
    .on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
      sessions.set(id.toString('hex'), data)
      done()
    })
    .on('resumeSession', (id: Buffer, done: (error: null, data: Buffer | null) => void) => {
      done(null, sessions.get(id.toString('hex')) ?? null)
    })
}
