import type { Duration } from './value-options.ts'

/** What one client may have; a client is what `affinity` makes of it. Past it, its new sessions are closed at once, and counted. Clients of a unix socket have no limits. */
export interface LimitsOptions {
  /**
   * Most sessions at one time, those that are still connecting included; 0: no limit.
   * @defaultValue 0
   */
  sessionsPerKey?: number | undefined
  /**
   * New sessions a second, 1 to 1,000,000; 0: no limit.
   * @defaultValue 0
   */
  newPerSecondPerKey?: number | undefined
  /**
   * New sessions at once, after a while without; 0: as many as in a second.
   * @defaultValue 0
   */
  burst?: number | undefined
  /**
   * New sessions that each backend takes a second; more wait for their turn, at most `timeouts.connect`. 0: as many as come.
   * @defaultValue 0
   */
  admitPerSecond?: number | undefined
  /** Where clients wait while every backend is at its `maxSessions`. */
  queue?: QueueOptions | undefined
}

/** The queue of a pool whose backends are all full: first come, first served. */
export interface QueueOptions {
  /**
   * The most that wait, 0 to 1,000,000; 0: nobody waits, who finds the pool full is closed at once.
   * @defaultValue 0
   */
  size?: number | undefined
  /**
   * How long a client waits before it is closed, up to 1 h.
   * @defaultValue '5s'
   */
  timeout?: Duration | undefined
}
