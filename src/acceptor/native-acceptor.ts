import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ResolvedKeepalive, ResolvedListener } from '../config/resolved.ts'
import { type SystemError, systemError } from '../errors.ts'
import { Unlisten } from '../native.ts'
import type { NativeListener } from '../relay/native.ts'
import type { Acceptor } from './acceptor.ts'
import { bindOf, lookUpHost } from './binding.ts'
import { adoptSocket, type OpenSocket, setListenOptions } from './open-socket.ts'
import { SocketFile } from './socket-file.ts'

/** How often the queue is looked at while the acceptor closes. */
const CLOSE_POLL_MS = 5
/** Time limit of a close that loses nobody; then whoever still waits is reset. */
const CLOSE_MS = 1000
const NEVER = new AbortController().signal
/** setInterval takes no longer time. */
const LONGEST_INTERVAL_MS = 2 ** 31 - 1

/** Accepts clients on the relay's own threads. JavaScript opens and closes the listen socket, and sees no client. */
export class NativeAcceptor implements Acceptor {
  readonly settings: ResolvedListener
  isShared = false
  isPassed = false
  readonly #listener: NativeListener
  #host: string | undefined
  #listening = false
  #closed = false
  #binding: Promise<void> = Promise.resolve()
  /** Whose listen socket it shares; undefined: nobody's. */
  #from: NativeAcceptor | undefined
  #isAdopted = false
  /** Of a unix socket. */
  #file: SocketFile | undefined
  /** As a `net.Server` does, it keeps the process alive while it listens. */
  #alive: NodeJS.Timeout | undefined

  constructor(settings: ResolvedListener, listener: NativeListener) {
    this.settings = settings
    this.#listener = listener
  }

  async lookUp(): Promise<void> {
    this.#host = await lookUpHost(this.settings)
  }

  get fd(): number {
    return this.#listening ? this.#listener.fd() : -1
  }

  async listen(open?: OpenSocket): Promise<void> {
    const bound = open === undefined ? bindOf(this.settings, () => this.#bind()) : this.#adopt(open)
    // How it went is told to the caller.
    this.#binding = bound.catch(() => undefined)
    await bound
  }

  share(from: Acceptor): void {
    if (!(from instanceof NativeAcceptor)) throw new RangeError('the other acceptor is of another kind')
    const status = this.#listener.share(from.#listener.id)
    if (status !== 0) throw Object.assign(systemError(status, 'dup'), { listener: this.settings.name })
    this.#from = from
    this.#isAdopted = true
    // Until it takes over, closing it is no business of those who wait.
    this.isPassed = true
    this.#listens()
  }

  async takeOver(): Promise<void> {
    const from = this.#from
    if (from === undefined) return
    this.isShared = from.isShared
    this.isPassed = from.isPassed
    this.#from = undefined
    from.isPassed = true
    await from.close(NEVER)
  }

  /** Sockets that are opened here have them already. */
  setOptions(keepalive: ResolvedKeepalive): boolean {
    return !this.#isAdopted || setListenOptions(this.fd, this.settings, keepalive)
  }

  accept(): void {
    // Somebody may have closed it while it took a socket over.
    if (!this.#closed) this.#listener.accept()
  }

  address(): AddressInfo | string | null {
    if (!this.#listening) return null
    const { bind } = this.settings
    return bind.kind === 'unix' ? bind.path : this.#listener.address()
  }

  async close(hurry: AbortSignal): Promise<void> {
    this.#closed = true
    if (!this.#listening) await this.#binding
    if (!this.#listening) return
    this.#listening = false
    clearInterval(this.#alive)
    // Before the socket stops queueing: from then on it looks like one that nobody listens on.
    const isLeft = this.isShared || this.isPassed
    if (!isLeft) this.#file?.remove()
    const deadline = performance.now() + CLOSE_MS
    const isLate = (): boolean => hurry.aborted || performance.now() >= deadline
    const how = (): number => (isLeft ? Unlisten.leave : isLate() ? Unlisten.reset : Unlisten.serve)
    while (!this.#listener.unlisten(how())) await sleep(CLOSE_POLL_MS)
  }

  async #adopt(open: OpenSocket): Promise<void> {
    if (this.#closed) return
    adoptSocket(this.settings, open, this.settings.backlog)
    const status = this.#listener.adopt(open.fd)
    if (status !== 0) throw this.#failure(status, `fd:${open.fd}`, 0)
    this.#isAdopted = true
    this.isShared = open.isShared
    this.isPassed = open.isBorrowed === true
    this.#listens()
  }

  #listens(): void {
    const { bind } = this.settings
    this.#listening = true
    this.#alive = setInterval(() => undefined, LONGEST_INTERVAL_MS)
    if (bind.kind === 'unix') this.#file = new SocketFile(bind.path)
  }

  async #bind(): Promise<void> {
    if (this.#closed) return
    const { bind, backlog, deferAccept, fastOpen } = this.settings
    const port = 'port' in bind ? bind.port : 0
    const isIpv6Only = bind.kind === 'ip' && bind.family === 6
    let failure: SystemError | undefined
    for (const host of this.#hosts()) {
      const status = this.#listener.listen(host, port, isIpv6Only, backlog, deferAccept / 1000, fastOpen)
      failure = status === 0 ? undefined : this.#failure(status, host, port)
      // Only a host without IPv6 leaves the first of two; what is wrong otherwise is wrong with the second, too.
      if (failure === undefined || !NO_IPV6.has(failure.code)) break
    }
    if (failure !== undefined) throw failure
    this.#listens()
  }

  /** What to bind to, in order of preference, in the words of the addon. */
  #hosts(): string[] {
    const { bind } = this.settings
    switch (bind.kind) {
      case 'unix':
        return [`unix:${bind.path}`]
      case 'any':
        return ['::', '0.0.0.0']
      case 'name':
        return [this.#host ?? bind.host]
      case 'ip':
        return [bind.host]
      case 'fd':
        throw new RangeError('the native acceptor opens its own listen socket')
    }
  }

  #failure(status: number, host: string, port: number): SystemError {
    const { bind } = this.settings
    return bind.kind === 'unix'
      ? systemError(status, 'listen', { address: bind.path })
      : systemError(status, 'listen', { address: host, port })
  }
}

const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT'])
