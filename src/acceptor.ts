import { lookup } from 'node:dns/promises'
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import type { ResolvedListener } from './config/resolved.ts'
import { removeStaleSocket } from './stale-socket.ts'

/** Length of the queue of clients that wait to be accepted; the system cuts it to its own limit. */
const BACKLOG = 4096

/** Accepts clients through `net`, without reading a byte from them. */
export class Acceptor {
  readonly settings: ResolvedListener
  readonly server: Server
  /** What the name of the address was found to be. */
  #host: string | undefined
  /** Clients that came before {@link Acceptor.accept}: nobody is served until every listener is open. */
  #waiting: Socket[] = []
  #serve: ((client: Socket) => void) | undefined
  #closed = false
  /** Settles when no bind is under way, never rejects. */
  #binding: Promise<void> = Promise.resolve()
  /** Ends the attempt to bind that is under way. */
  #attempted: ((error?: Error) => void) | undefined

  /** `failed`: told what goes wrong with the listen socket once it is open. */
  constructor(settings: ResolvedListener, failed: (error: Error) => void) {
    this.settings = settings
    // TCP_NODELAY and keepalive are inherited from the listen socket, or set by the relay.
    this.server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, client => this.#connected(client))
    this.server.on('listening', () => this.#attempted?.())
    // A server that was closed before it told that it listens does not tell it any more.
    this.server.on('close', () => this.#attempted?.())
    this.server.on('error', error => (this.#attempted ?? failed)(error))
  }

  /** Looks the name of its address up, if it has one. By `net` that could not be told from the bind that follows. */
  async lookUp(): Promise<void> {
    const { bind, name } = this.settings
    if (bind.kind !== 'name') return
    try {
      this.#host = (await lookup(bind.host)).address
    } catch (error) {
      throw ofListener(error, name)
    }
  }

  /** Binds and listens, unless it is closed before. Rejects with the error of `net`, to which the listener's name is added. */
  async listen(): Promise<void> {
    const bound = this.#bind()
    // How it went is told to the caller.
    this.#binding = bound.catch(() => undefined)
    await bound
  }

  /** Serves clients from now on, those that wait first. */
  accept(serve: (client: Socket) => void): void {
    this.#serve = serve
    for (const client of this.#waiting.splice(0)) serve(client)
  }

  /** As `net.Server#address()`; null while it does not listen, which `net` does not say of unix sockets. */
  address(): AddressInfo | string | null {
    return this.server.listening ? this.server.address() : null
  }

  /**
   * Stops accepting at once; resolves when nothing is bound, and nothing will be. Idempotent; sessions are not its
   * business.
   */
  async close(): Promise<void> {
    this.#closed = true
    this.#serve = undefined
    this.#closeServer()
    for (const client of this.#waiting.splice(0)) client.destroy()
    await this.#binding
  }

  async #bind(): Promise<void> {
    const { bind, name } = this.settings
    try {
      await this.#attempt().catch(async error => {
        const isStale = bind.kind === 'unix' && isInUse(error) && (await removeStaleSocket(bind.path))
        if (!isStale) throw error
        await this.#attempt()
      })
    } catch (error) {
      throw ofListener(error, name)
    }
  }

  /** One attempt to bind. It cannot be called off: in the worker of a cluster it is a question to the primary. */
  async #attempt(): Promise<void> {
    if (this.#closed) return
    await new Promise<void>((resolve, reject) => {
      this.server.listen({ ...this.#listenOptions(), backlog: BACKLOG })
      this.#attempted = error => {
        this.#attempted = undefined
        if (error === undefined) resolve()
        else reject(error)
      }
    })
    if (this.#closed) this.#closeServer()
  }

  #closeServer(): void {
    if (this.server.listening) this.server.close()
  }

  #listenOptions(): ListenOptions {
    const { bind } = this.settings
    switch (bind.kind) {
      case 'unix':
        return { path: bind.path }
      case 'fd':
        // Missing in the types of Node 20; documented for server.listen(handle).
        return { fd: bind.fd } as ListenOptions
      case 'any':
        return { port: bind.port }
      case 'name':
        return { host: this.#host, port: bind.port }
      case 'ip':
        return { host: bind.host, port: bind.port, ipv6Only: bind.family === 6 }
    }
  }

  #connected(client: Socket): void {
    if (this.#serve !== undefined) this.#serve(client)
    else if (this.#closed) client.destroy()
    else this.#waiting.push(client)
  }
}

function ofListener(error: unknown, listener: string): Error {
  return Object.assign(error as Error, { listener })
}

function isInUse(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}
