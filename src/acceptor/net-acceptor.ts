import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import type { ResolvedKeepalive, ResolvedListener } from '../config/resolved.ts'
import { native } from '../native.ts'
import { handleOf } from '../relay/handle.ts'
import type { Acceptor } from './acceptor.ts'
import { bindOf, lookUpHost } from './binding.ts'

/** Who is told what a {@link NetAcceptor} meets. */
export interface NetAcceptorEvents {
  /** A client that was accepted; not a byte was read from it. */
  serve: (client: Socket) => void
  /** What goes wrong with the listen socket once it is open. */
  failed: (error: Error) => void
}

/** Accepts clients through `net`, without reading a byte from them. */
export class NetAcceptor implements Acceptor {
  readonly settings: ResolvedListener
  readonly server: Server
  readonly #events: NetAcceptorEvents
  /** What the name of the address was found to be. */
  #host: string | undefined
  /** Clients that came before {@link NetAcceptor.accept}. */
  #waiting: Socket[] = []
  #accepting = false
  #closed = false
  /** Settles when no bind is under way, never rejects. */
  #binding: Promise<void> = Promise.resolve()
  /** Ends the attempt to bind that is under way. */
  #attempted: ((error?: Error) => void) | undefined

  constructor(settings: ResolvedListener, events: NetAcceptorEvents) {
    this.settings = settings
    this.#events = events
    // TCP_NODELAY and keepalive are inherited from the listen socket, or set by the relay.
    this.server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, client => this.#connected(client))
    this.server.on('listening', () => this.#attempted?.())
    // A server that was closed before it told that it listens does not tell it any more.
    this.server.on('close', () => this.#attempted?.())
    this.server.on('error', error => (this.#attempted ?? events.failed)(error))
  }

  /** By `net` a name that is not found could not be told from the bind that follows. */
  async lookUp(): Promise<void> {
    this.#host = await lookUpHost(this.settings)
  }

  async listen(): Promise<void> {
    const bound = bindOf(this.settings, () => this.#attempt())
    // How it went is told to the caller.
    this.#binding = bound.catch(() => undefined)
    await bound
  }

  /**
   * True: every socket that is accepted from now on has these options, TCP_NODELAY and those of the listener, which
   * saves system calls for each. False: each must be set.
   */
  setOptions({ idle, interval, count, userTimeout }: ResolvedKeepalive): boolean {
    const { deferAccept, fastOpen } = this.settings
    const fd = handleOf(this.server)?.fd ?? -1
    if (fd < 0 || typeof this.server.address() === 'string') return false
    const options = [idle / 1000, interval / 1000, count, userTimeout, deferAccept / 1000, fastOpen] as const
    return native().setListenOptions?.(fd, ...options) === 0
  }

  accept(): void {
    this.#accepting = true
    for (const client of this.#waiting.splice(0)) this.#events.serve(client)
  }

  /** `net` gives the path of a unix socket also when it is closed. */
  address(): AddressInfo | string | null {
    return this.server.listening ? this.server.address() : null
  }

  /** At once in any case. */
  async close(): Promise<void> {
    this.#closed = true
    this.#accepting = false
    this.#closeServer()
    for (const client of this.#waiting.splice(0)) client.destroy()
    await this.#binding
  }

  /** One attempt to bind. It cannot be called off: in the worker of a cluster it is a question to the primary. */
  async #attempt(): Promise<void> {
    if (this.#closed) return
    await new Promise<void>((resolve, reject) => {
      this.server.listen({ ...this.#listenOptions(), backlog: this.settings.backlog })
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
    if (this.#accepting) this.#events.serve(client)
    else if (this.#closed) client.destroy()
    else this.#waiting.push(client)
  }
}
