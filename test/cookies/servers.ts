import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DerivedSecrets } from '../../src/config/secrets.ts'
import { tokenOf } from '../../src/cookies/token.ts'
import type { BackendOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import type { Conn } from '../helpers/net.ts'
import { runProgram } from '../helpers/programs.ts'
import type { RelayPair } from '../helpers/relays.ts'
import type { Rig } from '../helpers/rig.ts'

/** As a listener is without being told: its pool's cookie takes it to the stream relay. */
export const AUTO: RelayPair = { name: 'auto', listener: { acceptor: 'auto', relay: 'auto' }, relay: 'stream' }

/** Of three backends. */
export const NAMES = ['a', 'b', 'c']
export const SECRET = 'a secret for cookies'
export const { cookie: KEY } = new DerivedSecrets(Buffer.from(SECRET))
export const tokens = new Map(NAMES.map(name => [name, tokenOf(KEY, name)]))
/** The cookie that is set for a backend. */
export const cookieFor = (name: string): string => `limpet=${tokens.get(name)}`

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

/** A certificate of its own making, and its key. */
export async function selfSigned(openssl: string): Promise<{ key: Buffer; cert: Buffer }> {
  await using directory = await Directory.make()
  const [key, cert] = [directory.file('key.pem'), directory.file('cert.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  await runProgram(openssl, ['req', '-x509', ...kind, '-subj', '/CN=limpet.test', '-keyout', key, '-out', cert])
  return { key: await readFile(key), cert: await readFile(cert) }
}

/** All that comes on a connection, up to its end. */
export async function everything(client: Conn): Promise<Buffer> {
  const parts: Buffer[] = []
  client.socket.on('data', part => parts.push(part))
  await client.over()
  return Buffer.concat(parts)
}

/** Asks once, on a connection of its own. */
export async function ask(rig: Rig, cookie?: string): Promise<Answer> {
  const client = await rig.connect()
  const field = cookie === undefined ? '' : `Cookie: ${cookie}\r\n`
  await client.send(`GET / HTTP/1.1\r\nHost: x\r\n${field}Connection: close\r\n\r\n`)
  return answerOf(await everything(client))
}
