import type { AddressInfo } from 'node:net'
import type { ResolvedListener } from '../config/resolved.ts'

/** Accepts the clients of one listener. */
export interface Acceptor {
  readonly settings: ResolvedListener
  /** Looks the name of its address up, if it has one. */
  lookUp(): Promise<void>
  /** Binds and listens, unless it is closed before. Rejects with an error as `net` has it, and the listener's name. */
  listen(): Promise<void>
  /** Serves clients from now on, those first that wait already: nobody is served until every listener is open. */
  accept(): void
  /** As `net.Server#address()`; null while it does not listen. */
  address(): AddressInfo | string | null
  /**
   * Stops accepting, before it returns; resolves when nothing is bound, and nothing will be. Idempotent; sessions are not
   * its business.
   *
   * @param hurry - when it is aborted, whoever waits in the queue is reset; until then an acceptor that can serves them
   */
  close(hurry: AbortSignal): Promise<void>
}
