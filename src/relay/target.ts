import type { ResolvedPeek } from '../config/resolved.ts'
import type { NativeAddressFilter } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'

/** What of a listener its relay needs. */
export interface TargetSettings {
  /** 0: no limit of its own. */
  maxSessions: number
  peek: ResolvedPeek
  /** Undefined: whoever comes is taken. */
  filter?: NativeAddressFilter | undefined
}

/** Of sockets that were given to a pool. */
export const POOL_TARGET: TargetSettings = { maxSessions: 0, peek: { bytes: 16_384, timeout: 3000 } }

/** Where clients go: a listener with its pool, or a pool alone (`handle()`). */
export class Target {
  /** Undefined: sockets that were given to a pool. */
  readonly listener: string | undefined
  readonly pool: PoolCore
  /** 0: no limit of its own. */
  readonly maxSessions: number
  /** Undefined: whoever comes is taken. */
  readonly filter: NativeAddressFilter | undefined
  /** How its clients' first bytes are looked at, where their keys are there. */
  readonly peek: ResolvedPeek
  /** Its number in the native relay; undefined: the stream relay serves it. */
  nativeId: number | undefined
  /** Told when {@link Target.streamSessions} changes. */
  streamSessionsChanged: ((sessions: number) => void) | undefined
  #streamSessions = 0
  /** Reasons that were already given in the log for not using the native relay. */
  readonly told = new Set<string>()

  constructor(listener: string | undefined, pool: PoolCore, { maxSessions, peek, filter }: TargetSettings) {
    this.listener = listener
    this.pool = pool
    this.maxSessions = maxSessions
    this.filter = filter
    this.peek = peek
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
