import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BackendOptions } from '../../src/index.ts'
import type { Conn } from '../helpers/net.ts'
import type { RelayPair } from '../helpers/relays.ts'

/** As a listener is without being told: its pool's cookie takes it to the stream relay. */
export const AUTO: RelayPair = { name: 'auto', listener: { acceptor: 'auto', relay: 'auto' }, relay: 'stream' }

/** An HTTP server of a test, which says its name to whoever asks. */
export class HttpBackend implements AsyncDisposable {
  readonly name: string
  readonly server: Server
  requests: string[] = []

  private constructor(name: string, serve: (request: IncomingMessage, response: ServerResponse, name: string) => void) {
    this.name = name
    const listener: RequestListener = (request, response) => {
      this.requests.push(`${request.method} ${request.url}`)
      serve(request, response, name)
    }
    this.server = createServer(listener)
  }

  static async start(
    name: string,
    serve: (request: IncomingMessage, response: ServerResponse, name: string) => void = sayName,
    port = 0,
  ): Promise<HttpBackend> {
    const backend = new HttpBackend(name, serve)
    backend.server.listen(port, '127.0.0.1')
    await once(backend.server, 'listening')
    return backend
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get options(): BackendOptions {
    return { name: this.name, address: `127.0.0.1:${this.port}` }
  }

  /** Its port refuses from now on. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.server.listening) return
    const closed = once(this.server, 'close')
    this.server.close()
    this.server.closeAllConnections()
    await closed
  }
}

/** Whatever is asked for. */
export function sayName(_: IncomingMessage, response: ServerResponse, name: string): void {
  response.end(name)
}

/** What a client got of one response. */
export interface Answer {
  head: string
  body: string
  /** Values of the fields `Set-Cookie`. */
  cookies: string[]
}

/** Splits what came on a connection that was closed behind one response. */
export function answerOf(bytes: Buffer): Answer {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const head = text.slice(0, end)
  const cookies = head.split('\r\n').filter(line => /^set-cookie:/i.test(line))
  return { head, body: text.slice(end + 4), cookies: cookies.map(line => line.slice(line.indexOf(':') + 1).trim()) }
}

/** All that comes on a connection, up to its end. */
export async function everything(client: Conn): Promise<Buffer> {
  const parts: Buffer[] = []
  client.socket.on('data', part => parts.push(part))
  await client.over()
  return Buffer.concat(parts)
}
