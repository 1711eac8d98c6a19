import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Conn } from './net.ts'
import { within } from './wait.ts'

/** What a backend does with a connection. */
export type Serve = (conn: Conn, backend: Backend) => void | Promise<void>

/** How a backend is started. */
export interface BackendSettings {
  name?: string
  host?: string
  port?: number
  /** A unix socket, instead of host and port. */
  path?: string
  /** @defaultValue {@link echo} */
  serve?: Serve
}

/** A server of a test. It does not read before it is told to, and keeps its side open after a FIN. */
export class Backend implements AsyncDisposable {
  readonly name: string
  /** Connections that live now. */
  readonly live = new Set<Conn>()
  /** Connections since the start. */
  accepted = 0
  /** Most connections at one time. */
  most = 0
  readonly #server: Server
  readonly #arrived: Conn[] = []
  readonly #waiting: ((conn: Conn) => void)[] = []
  readonly #failures: unknown[] = []

  private constructor(name: string, serve: Serve) {
    this.name = name
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, socket =>
      this.#connected(socket, serve),
    )
  }

  static async start({
    name = 'a',
    host = '127.0.0.1',
    port = 0,
    path,
    serve = echo,
  }: BackendSettings = {}): Promise<Backend> {
    const backend = new Backend(name, serve)
    backend.#server.listen(path === undefined ? { host, port, backlog: 4096 } : { path })
    await once(backend.#server, 'listening')
    return backend
  }

  /** As a configuration has it. */
  get address(): string {
    const address = this.#server.address() as AddressInfo | string
    if (typeof address === 'string') return `unix:${address}`
    return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The next connection that nobody asked for yet. */
  async next(): Promise<Conn> {
    const conn = this.#arrived.shift()
    if (conn !== undefined) return conn
    return await within(
      `a connection at the backend ${this.name}`,
      new Promise<Conn>(resolve => this.#waiting.push(resolve)),
    )
  }

  /** Dies: connections are reset, the port refuses. */
  async kill(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const conn of this.live) conn.reset()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.kill()
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, `the backend ${this.name} failed`)
  }

  #connected(socket: Socket, serve: Serve): void {
    const conn = new Conn(socket)
    this.accepted++
    this.live.add(conn)
    this.most = Math.max(this.most, this.live.size)
    void conn.closed.then(() => this.live.delete(conn))
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#arrived.push(conn)
    else waiting(conn)
    this.#serve(conn, serve).catch(error => this.#failures.push(error))
  }

  async #serve(conn: Conn, serve: Serve): Promise<void> {
    await serve(conn, this)
  }
}

/** Sends back what it gets, and the FIN after it. */
export const echo: Serve = ({ socket }) => {
  socket.pipe(socket)
}

/** Says its name in a line, then echoes. */
export const named: Serve = ({ socket }, { name }) => {
  socket.write(`${name}\n`)
  socket.pipe(socket)
}

/** Says in a line who has connected, address and port, then echoes. */
export const whence: Serve = ({ socket }) => {
  socket.write(`${socket.remoteAddress} ${socket.remotePort}\n`)
  socket.pipe(socket)
}

/** Does nothing: the test takes the connection with {@link Backend.next}. */
export const idle: Serve = () => undefined

/** Starts a backend for each name. */
export async function startBackends(names: readonly string[], serve: Serve = named): Promise<Backends> {
  return new Backends(await Promise.all(names.map(name => Backend.start({ name, serve }))))
}

/** Several backends that end together. */
export class Backends implements AsyncDisposable {
  readonly all: readonly Backend[]

  constructor(all: readonly Backend[]) {
    this.all = all
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map(backend => backend[Symbol.asyncDispose]()))
  }
}
