import type { BackendHealthOptions } from './health-options.ts'

/**
 * What an operator wants of a backend. `ready`: it serves. `drain`: it serves the clients that have a pin to it, and gets
 * no new ones. `drain-hard`: nobody is sent to it any more; its clients go elsewhere with their next connection. `maint`:
 * the same, and it is not checked. Its sessions go on in every state, and its homes stay its own.
 */
export type BackendState = 'ready' | 'drain' | 'drain-hard' | 'maint'

/** One server. */
export interface BackendOptions {
  /** Its stable name, different from those of the other backends of the pool. Homes depend on it, not on the address. */
  name: string
  /** Where it is reached: `host:port`, `[v6]:port` or `unix:/path`. */
  address: string
  /**
   * Its share of the clients, 0 to 65,535. 0: no new keys.
   * @defaultValue 1
   */
  weight?: number | undefined
  /**
   * Most sessions at one time. 0: no limit of its own.
   * @defaultValue 0
   */
  maxSessions?: number | undefined
  /**
   * Whether it serves only while no other backend of the pool takes new clients. Nobody is at home there.
   * @defaultValue false
   */
  backup?: boolean | undefined
  /**
   * What is wanted of it.
   * @defaultValue 'ready'
   */
  state?: BackendState | undefined
  /**
   * What is different in its checks, or `off` (`false`): it is not checked. `pool`: nothing.
   * @defaultValue 'pool'
   */
  health?: BackendHealthOptions | 'pool' | 'off' | false | undefined
}

/** What of a backend can be changed while it serves; what is absent stays as it is. */
export interface BackendChanges {
  /** Where it is reached: `host:port`, `[v6]:port` or `unix:/path`. */
  address?: string | undefined
  /** Its share of the clients, 0 to 65,535. 0: no new keys. */
  weight?: number | undefined
  /** Most sessions at one time. 0: no limit of its own. */
  maxSessions?: number | undefined
  /** Whether it serves only while no other backend of the pool takes new clients. */
  backup?: boolean | undefined
  /** What is wanted of it. */
  state?: BackendState | undefined
  /** What is different in its checks, as a whole; `off` (`false`): it is not checked; `pool`: nothing. */
  health?: BackendHealthOptions | 'pool' | 'off' | false | undefined
}
