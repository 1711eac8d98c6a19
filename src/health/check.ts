import type { BackendAddress } from '../config/address.ts'
import type { ResolvedSendProxy } from '../config/resolved.ts'

/** Who is asked. */
export interface CheckTarget {
  /** A host name is looked up by whoever connects. */
  endpoint: BackendAddress
  /** The host name that the configuration has for it: what its certificate and its HTTP server know. Undefined: an address. */
  hostName: string | undefined
  outgoing: CheckOutgoing
}

/** How a server that is checked is connected to. */
export interface CheckOutgoing {
  /** Undefined: it is told nothing. */
  sendProxy: ResolvedSendProxy | undefined
  /** Addresses that checks come from, in turn; empty: the system chooses. */
  sources: readonly string[]
}

/**
 * Asks a server once whether it is well: resolves, or rejects with a {@link CheckFailure} that says what was wrong. It
 * ends soon after the signal is aborted, and leaves no socket behind.
 */
export type Check = (target: CheckTarget, signal: AbortSignal) => Promise<void>

/** Errors of this host that say nothing about the server. */
const LOCAL_ERRORS: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

/** Why a server is not well; the message is for the operator. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure'
  /** Whether this host could not ask, so that the server is not to blame. */
  readonly isLocal: boolean

  constructor(message: string, isLocal = false) {
    super(message)
    this.isLocal = isLocal
  }

  /** What a system error, or any other, says of a server. */
  static of(error: unknown): CheckFailure {
    if (error instanceof CheckFailure) return error
    const { code, message } = error as NodeJS.ErrnoException
    return new CheckFailure(code ?? message, LOCAL_ERRORS.has(code))
  }
}

/** What is wrong with a server that did not answer before the signal was aborted. */
export const LATE = 'no answer in time'

/** Where a check of one protocol connects to, as `net.connect` takes it. */
export function dialOf(endpoint: BackendAddress): { path: string } | { host: string; port: number } {
  return endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port }
}
