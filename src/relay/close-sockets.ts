import type { Socket } from 'node:net'
import type { ByteFilter } from '../cookies/byte-filter.ts'
import type { SessionFilters } from '../cookies/cookie-session.ts'
import { hasMore, reset } from './direction.ts'

/** The two sockets of a session that ends. */
export interface ClosingSession {
  readonly client: Socket
  readonly backend: Socket | undefined
  readonly filters: SessionFilters
  /** One of them was reset. */
  readonly isReset: boolean
  /** It was joined to its backend. */
  readonly wasOpen: boolean
}

/** Closes what is open, and resets what would look whole and is not. */
export function closeSockets({ client, backend, filters, isReset, wasOpen }: ClosingSession): void {
  const pairs: [Socket | undefined, Socket | undefined, ByteFilter | undefined][] = [
    [client, backend, filters.toClient],
    [backend, client, filters.toBackend],
  ]
  // Looked at before either is closed. What is whole, FIN and all, may still be on its way out of the socket: a reset would
  // take it away. What is not must not look as if it were.
  const toReset = pairs.map(([to, from, filter]) =>
    isReset ? to?.writableFinished !== true : wasOpen && hasMore(from, to, filter),
  )
  for (const [at, [socket]] of pairs.entries()) {
    if (socket === undefined) continue
    // Nobody is left to tell: what still happens to the socket is of no consequence.
    socket.on('error', ignore)
    if (toReset[at] === true) reset(socket)
    else socket.destroy()
  }
}

function ignore(): undefined {
  return undefined
}
