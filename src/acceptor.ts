import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import type { BindAddress } from './config/address.ts'
import type { ResolvedListener } from './config/resolved.ts'
import { removeStaleSocket } from './stale-socket.ts'

/** Length of the queue of clients that wait to be accepted; the system cuts it to its own limit. */
const BACKLOG = 4096

/** Accepts clients through `net`, without reading a byte from them. */
export class Acceptor {
  readonly settings: ResolvedListener
  readonly server: Server
  /** Clients that came before {@link Acceptor.accept}: nobody is served until every listener is open. */
  #waiting: Socket[] = []
  #serve: ((client: Socket) => void) | undefined
  #closed = false

  constructor(settings: ResolvedListener) {
    this.settings = settings
    // TCP_NODELAY and keepalive are inherited from the listen socket, or set by the relay.
    this.server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, client => this.#connected(client))
  }

  /** Binds and listens, unless it is closed before. Rejects with the error of `net`, to which the listener's name is added. */
  async listen(): Promise<void> {
    const { bind, name } = this.settings
    try {
      await this.#tryToListen()
    } catch (error) {
      const isStale = bind.kind === 'unix' && isInUse(error) && (await removeStaleSocket(bind.path))
      if (!isStale) throw Object.assign(error as Error, { listener: name })
      await this.#tryToListen()
    }
  }

  /** Serves clients from now on, those that wait first. `failed`: what goes wrong with the listen socket later. */
  accept(serve: (client: Socket) => void, failed: (error: Error) => void): void {
    this.#serve = serve
    this.server.on('error', failed)
    for (const client of this.#waiting.splice(0)) serve(client)
  }

  /** As `net.Server#address()`. */
  address(): AddressInfo | string | null {
    return this.server.address()
  }

  /** Stops to accept. Idempotent; sessions are not its business. */
  close(): void {
    this.#closed = true
    this.#serve = undefined
    if (this.server.listening) this.server.close()
    for (const client of this.#waiting.splice(0)) client.destroy()
  }

  async #tryToListen(): Promise<void> {
    const options = await listenOptions(this.settings.bind)
    if (this.#closed) return
    this.server.listen({ ...options, backlog: BACKLOG })
    await once(this.server, 'listening')
    if (this.#closed) this.server.close()
  }

  #connected(client: Socket): void {
    if (this.#serve !== undefined) this.#serve(client)
    else if (this.server.listening) this.#waiting.push(client)
    else client.destroy()
  }
}

async function listenOptions(bind: BindAddress): Promise<ListenOptions> {
  switch (bind.kind) {
    case 'unix':
      return { path: bind.path }
    case 'fd':
      // Missing in the types of Node 20; documented for server.listen(handle).
      return { fd: bind.fd } as ListenOptions
    case 'any':
      return { port: bind.port }
    case 'name':
      // By `net` the look-up would go on after the server was closed, and then listen.
      return { host: (await lookup(bind.host)).address, port: bind.port }
    case 'ip':
      return { host: bind.host, port: bind.port, ipv6Only: bind.family === 6 }
  }
}

function isInUse(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}
