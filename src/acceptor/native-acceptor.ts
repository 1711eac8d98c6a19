import { lstatSync, unlinkSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ResolvedListener } from '../config/resolved.ts'
import { type SystemError, systemError } from '../errors.ts'
import type { NativeListener } from '../relay/native.ts'
import type { Acceptor } from './acceptor.ts'
import { bindOf, lookUpHost } from './binding.ts'

/** How often the queue is looked at while the acceptor closes. */
const CLOSE_POLL_MS = 5
/** Time limit of a close that loses nobody; then whoever still waits is reset. */
const CLOSE_MS = 1000
/** setInterval takes no longer time. */
const LONGEST_INTERVAL_MS = 2 ** 31 - 1

/** Accepts clients on the relay's own threads. JavaScript opens and closes the listen socket, and sees no client. */
export class NativeAcceptor implements Acceptor {
  readonly settings: ResolvedListener
  readonly #listener: NativeListener
  #host: string | undefined
  #listening = false
  #closed = false
  #binding: Promise<void> = Promise.resolve()
  /** The file of its unix socket: whoever has another one in its place keeps it. */
  #inode: bigint | undefined
  /** As a `net.Server` does, it keeps the process alive while it listens. */
  #alive: NodeJS.Timeout | undefined

  constructor(settings: ResolvedListener, listener: NativeListener) {
    this.settings = settings
    this.#listener = listener
  }

  async lookUp(): Promise<void> {
    this.#host = await lookUpHost(this.settings)
  }

  async listen(): Promise<void> {
    const bound = bindOf(this.settings, () => this.#bind())
    // How it went is told to the caller.
    this.#binding = bound.catch(() => undefined)
    await bound
  }

  accept(): void {
    this.#listener.accept()
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
    this.#unlink()
    const deadline = performance.now() + CLOSE_MS
    const isLate = (): boolean => hurry.aborted || performance.now() >= deadline
    while (!this.#listener.unlisten(isLate())) await sleep(CLOSE_POLL_MS)
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
    this.#listening = true
    this.#alive = setInterval(() => undefined, LONGEST_INTERVAL_MS)
    if (bind.kind === 'unix') this.#inode = lstatSync(bind.path, { bigint: true }).ino
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

  #unlink(): void {
    const { bind } = this.settings
    if (bind.kind !== 'unix') return
    try {
      if (lstatSync(bind.path, { bigint: true }).ino === this.#inode) unlinkSync(bind.path)
    } catch (error) {
      // Somebody has removed it already. If it may not be removed, the next one to bind finds it stale.
      if (!LEFT_ALONE.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT'])
const LEFT_ALONE = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS'])
