import type { AddressInfo } from 'node:net'
import type { ResolvedKeepalive, ResolvedListener } from '../config/resolved.ts'
import type { OpenSocket } from './open-socket.ts'

/** Accepts the clients of one listener. */
export interface Acceptor {
  readonly settings: ResolvedListener
  /** Looks the name of its address up, if it has one. */
  lookUp(): Promise<void>
  /**
   * Binds and listens, unless it is closed before; `open`: takes that one instead. Rejects with an error as `net` has it, and
   * the listener's name.
   */
  listen(open?: OpenSocket): Promise<void>
  /**
   * Instead of {@link Acceptor.listen}: makes ready to go on with the listen socket of another acceptor of the same kind, which
   * goes on until {@link Acceptor.takeOver}.
   *
   * @throws system errors: no descriptors left
   */
  share(from: Acceptor): void
  /**
   * After {@link Acceptor.share}: the other one stops accepting. Resolves when it has; whoever comes meanwhile waits in the queue for
   * {@link Acceptor.accept}.
   */
  takeOver(): Promise<void>
  /**
   * Before {@link Acceptor.accept}. True: every socket that is accepted from now on has these options, TCP_NODELAY and those
   * of the listener, which saves system calls for each. False: each must be set.
   */
  setOptions(keepalive: ResolvedKeepalive): boolean
  /** Serves clients from now on, those first that wait already: nobody is served until every listener is open. */
  accept(): void
  /** As `net.Server#address()`; null while it does not listen. */
  address(): AddressInfo | string | null
  /** Descriptor of its listen socket, which stays its own; -1: there is none. */
  readonly fd: number
  /** As {@link OpenSocket.isShared}. */
  readonly isShared: boolean
  /** Set while another process has been given the listen socket: closing is as for one that is shared. */
  isPassed: boolean
  /**
   * Stops accepting, before it returns; resolves when nothing is bound, and nothing will be. Idempotent; sessions are not
   * its business.
   *
   * @param hurry - when it is aborted, whoever waits in the queue is reset; until then an acceptor that can serves them
   */
  close(hurry: AbortSignal): Promise<void>
}
