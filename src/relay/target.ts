import type { NativeAddressFilter } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'

/** Where clients go: a listener with its pool, or a pool alone (`handle()`). */
export class Target {
  /** Undefined: sockets that were given to a pool. */
  readonly listener: string | undefined
  readonly pool: PoolCore
  /** 0: no limit of its own. */
  readonly maxSessions: number
  /** Undefined: whoever comes is taken. */
  readonly filter: NativeAddressFilter | undefined
  /** Its number in the native relay; undefined: the stream relay serves it. */
  nativeId: number | undefined
  /** Told when {@link Target.streamSessions} changes. */
  streamSessionsChanged: ((sessions: number) => void) | undefined
  #streamSessions = 0
  /** Reasons that were already given in the log for not using the native relay. */
  readonly told = new Set<string>()

  constructor(listener: string | undefined, pool: PoolCore, maxSessions: number, filter?: NativeAddressFilter) {
    this.listener = listener
    this.pool = pool
    this.maxSessions = maxSessions
    this.filter = filter
  }

  /** Sessions in the stream relay. */
  get streamSessions(): number {
    return this.#streamSessions
  }

  set streamSessions(sessions: number) {
    this.#streamSessions = sessions
    this.streamSessionsChanged?.(sessions)
  }
}
