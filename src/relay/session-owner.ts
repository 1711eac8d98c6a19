import type { Socket } from 'node:net'
import type { FailedSource, NamedBackend } from '../affinity/key-source.ts'
import type { SessionCounter } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import type { BackendTls } from '../tls/backend-tls.ts'
import type { StreamSession } from './stream-session.ts'

/** The relay that a session belongs to. */
export interface SessionOwner {
  count(counter: SessionCounter, by?: number): void
  opened(session: StreamSession): void
  ended(session: StreamSession, cause: SessionCounter): void
  /** Undefined: connections to the backends of the pool are plain. */
  backendTls(pool: PoolCore): BackendTls | undefined
  /** Code that makes keys, or chooses among the routes, failed; it is counted. */
  codeFailed(session: StreamSession, source: FailedSource, error: unknown): void
  /** Gives a client whose key is known to the native relay. False: it cannot be; then nothing has happened. */
  passOn(session: StreamSession, client: KnownClient): boolean
}

/** A client whose head was looked at. */
export interface KnownClient {
  socket: Socket
  /** What was read of it before. */
  head: Buffer
  /** Its address, or the bytes of its key; undefined: it has none. */
  key: string | Uint8Array | undefined
  /** The backend that it names itself. */
  named: NamedBackend | undefined
}

/** What the relay knows of a session when it begins. */
export interface SessionFacts {
  id: string
  /** Undefined: it has none (unix socket). */
  clientAddress: string | undefined
  isTold: boolean
}
