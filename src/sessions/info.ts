import type { SessionOpened } from '../relay/session-feed.ts'

/** A session that lives. Plain data, fit for JSON. */
export interface SessionInfo extends Omit<SessionOpened, 'time'> {
  /** `connecting`: it has no backend's connection yet. */
  state: 'connecting' | 'open'
  /** When its client was accepted, in milliseconds since the epoch. */
  since: number
  /** For how long no byte has come from either side, in milliseconds. */
  idleMs: number
  /** Bytes from the client to the backend, up to now. */
  bytesToBackend: number
  /** Bytes from the backend to the client, up to now. */
  bytesToClient: number
}

/** Which sessions: those that have all that is given. */
export interface SessionFilter {
  /** Name of the pool. */
  pool?: string | undefined
  /** Name of the backend. */
  backend?: string | undefined
  /** Name of the listener. */
  listener?: string | undefined
}

/** A live session, and how to end it. */
export interface LiveSession {
  readonly info: SessionInfo
  /** Ends it (`endClosed`), if it still lives; at once, or a moment later. */
  close(): void
}

export function matchesFilter(
  info: Pick<SessionInfo, keyof SessionFilter>,
  { pool, backend, listener }: SessionFilter,
): boolean {
  return (
    (pool === undefined || info.pool === pool) &&
    (backend === undefined || info.backend === backend) &&
    (listener === undefined || info.listener === listener)
  )
}
