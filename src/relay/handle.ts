import type { Socket } from 'node:net'

/** What Node's `net` keeps in a socket or a server for the system's object. */
export interface SystemHandle {
  /** The file descriptor, -1 when there is none; absent on systems without. */
  readonly fd?: number
  /** Fills in the peer's address; an error number where there is no peer. */
  getpeername?(into: object): number
}

/** The system's object of a socket or a server; there is no public way to it. */
export function handleOf(owner: object): SystemHandle | undefined {
  return (owner as { _handle?: SystemHandle | null })._handle ?? undefined
}

/** Kind of the system's object: `TCP`, `Pipe`, `TLSWrap` …; empty when there is none. */
export function handleKind(socket: Socket): string {
  return handleOf(socket)?.constructor.name ?? ''
}
