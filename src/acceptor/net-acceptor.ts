import cluster from 'node:cluster'
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import type { ResolvedKeepalive, ResolvedListener } from '../config/resolved.ts'
import { systemError } from '../errors.ts'
import { handleOf } from '../relay/handle.ts'
import type { Acceptor } from './acceptor.ts'
import { bindOf, lookUpHost } from './binding.ts'
import { adoptSocket, nativeOs, type OpenSocket, setListenOptions } from './open-socket.ts'
import { SocketFile } from './socket-file.ts'

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
  isShared = false
  isPassed = false
  readonly #events: NetAcceptorEvents
  #server: Server
  /** Whose listen socket it takes over; undefined: nobody's. */
  #from: NetAcceptor | undefined
  /** What the name of the address was found to be. */
  #host: string | undefined
  /** Clients that came before {@link NetAcceptor.accept}. */
  #waiting: Socket[] = []
  #accepting = false
  #closed = false
  /** Settles when no bind is under way, never rejects. */
  #binding: Promise<void> = Promise.resolve()
  /** Of a unix socket that is opened here: `net` would remove the file of one of its own, whoever else has that socket. */
  #file: SocketFile | undefined
  /** Ends the attempt to bind that is under way. */
  #attempted: ((error?: Error) => void) | undefined

  constructor(settings: ResolvedListener, events: NetAcceptorEvents) {
    this.settings = settings
    this.#events = events
    this.#server = this.#follow(newServer())
  }

  #follow(server: Server): Server {
    server.on('connection', client => this.#connected(client))
    server.on('listening', () => this.#attempted?.())
    // A server that was closed before it told that it listens does not tell it any more.
    server.on('close', () => this.#attempted?.())
    server.on('error', error => (this.#attempted ?? this.#events.failed)(error))
    return server
  }

  get server(): Server {
    return this.#server
  }

  /** By `net` a name that is not found could not be told from the bind that follows. */
  async lookUp(): Promise<void> {
    this.#host = await lookUpHost(this.settings)
  }

  get fd(): number {
    return this.server.listening ? (handleOf(this.server)?.fd ?? -1) : -1
  }

  async listen(open?: OpenSocket): Promise<void> {
    const bound = open === undefined ? bindOf(this.settings, () => this.#attempt()) : this.#adopt(open)
    // How it went is told to the caller.
    this.#binding = bound.catch(() => undefined)
    await bound
  }

  share(from: Acceptor): void {
    if (!(from instanceof NetAcceptor)) throw new RangeError('the other acceptor is of another kind')
    this.#from = from
  }

  /** At once: the server changes hands, and nobody can come in between. */
  async takeOver(): Promise<void> {
    const from = this.#from
    this.#from = undefined
    if (from === undefined) return
    this.#file = from.#file
    this.isShared = from.isShared
    this.isPassed = from.isPassed
    for (const event of ['connection', 'listening', 'close', 'error']) from.#server.removeAllListeners(event)
    this.#server = this.#follow(from.#server)
    from.#server = newServer()
    from.#closed = true
  }

  setOptions(keepalive: ResolvedKeepalive): boolean {
    return setListenOptions(this.fd, this.settings, keepalive)
  }

  accept(): void {
    this.#accepting = true
    for (const client of this.#waiting.splice(0)) this.#events.serve(client)
  }

  /** `net` gives the path of a unix socket also when it is closed, and none for one that it got open. */
  address(): AddressInfo | string | null {
    if (!this.server.listening) return null
    return this.#file?.path ?? this.server.address()
  }

  /** At once in any case. */
  async close(): Promise<void> {
    this.#closed = true
    this.#accepting = false
    this.#closeServer()
    for (const client of this.#waiting.splice(0)) client.destroy()
    await this.#binding
  }

  async #adopt(open: OpenSocket): Promise<void> {
    if (this.#closed) return
    adoptSocket(this.settings, open, this.settings.backlog)
    this.isShared = open.isShared
    this.isPassed = open.isBorrowed === true
    const { bind } = this.settings
    if (bind.kind === 'unix') this.#file = new SocketFile(bind.path)
    await this.#listenWith({ fd: open.fd } as ListenOptions)
  }

  async #attempt(): Promise<void> {
    if (this.#closed) return
    const fd = this.#openUnix()
    await this.#listenWith(fd === undefined ? this.#listenOptions() : ({ fd } as ListenOptions))
  }

  /** Undefined: `net` opens it. */
  #openUnix(): number | undefined {
    const { bind, backlog } = this.settings
    const os = nativeOs()
    // The primary of a cluster opens the sockets of its workers.
    if (bind.kind !== 'unix' || os === undefined || cluster.isWorker) return undefined
    const fd = os.openUnix(bind.path, backlog)
    if (fd < 0) throw systemError(fd, 'listen', { address: bind.path })
    this.#file = new SocketFile(bind.path)
    return fd
  }

  /** One attempt to bind. It cannot be called off: in the worker of a cluster it is a question to the primary. */
  async #listenWith(options: ListenOptions): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.listen({ ...options, backlog: this.settings.backlog })
      this.#attempted = error => {
        this.#attempted = undefined
        if (error === undefined) resolve()
        else reject(error)
      }
    })
    if (this.#closed) this.#closeServer()
  }

  #closeServer(): void {
    if (!this.server.listening) return
    if (!this.isShared && !this.isPassed) this.#file?.remove()
    this.server.close()
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

/** TCP_NODELAY and keepalive are inherited from the listen socket, or set by the relay. */
function newServer(): Server {
  return createServer({ pauseOnConnect: true, allowHalfOpen: true })
}
