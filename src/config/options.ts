import type { ClusterOptions } from './cluster-options.ts'
import type { ListenerOptions } from './listener-options.ts'
import type { PoolOptions } from './pool-options.ts'
import type { Duration, SecretOption } from './value-options.ts'

export type * from './affinity-options.ts'
export type * from './backend-options.ts'
export type * from './cluster-options.ts'
export type * from './cookie-options.ts'
export type * from './discovery-options.ts'
export type * from './health-options.ts'
export type * from './limits-options.ts'
export type * from './listener-options.ts'
export type * from './outgoing-options.ts'
export type * from './pool-options.ts'
export type * from './tls-options.ts'
export type * from './value-options.ts'

/** Lines of the log that are less important than this are not written. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** What a `Balancer` is made of; the same document as the YAML file. */
export interface BalancerOptions {
  /**
   * Addresses that accept clients. Without any, the balancer serves `pick()` and `handle()` only.
   * @defaultValue []
   */
  listeners?: ListenerOptions[] | undefined
  /** Sets of backends, by name; at least one. */
  pools: Record<string, PoolOptions>
  /**
   * Threads of the native relay, 1 to 64. `auto`: one for each core, at most 4.
   * @defaultValue 'auto'
   */
  threads?: number | 'auto' | undefined
  /**
   * How long sessions may go on after a stop was asked for; then they are closed. 0: closed at once. At most 24 days.
   * @defaultValue '30s'
   */
  shutdownTimeout?: Duration | undefined
  /**
   * A file that keeps the changes of backends that were made while it ran, for the next start; relative to the configuration
   * file, or to the working directory. A reload makes backends those of the configuration, and the file empty.
   * @defaultValue 'off', nothing is kept
   */
  state?: string | undefined
  /**
   * `limpet run`: the user, by name or number, that the process becomes when its listen sockets are open; only root can. A
   * program of your own becomes what it wants by itself.
   * @defaultValue the process stays what it is
   */
  user?: string | number | undefined
  /**
   * `limpet run`: the group, by name or number, that the process becomes.
   * @defaultValue the primary group of `user`
   */
  group?: string | number | undefined
  /** What is written to the log. */
  log?: LogOptions | undefined
  /** The admin API, which `listen()` opens; without this there is none. */
  admin?: AdminOptions | undefined
  /** Balancers that share which clients are not at home; without this each is alone. */
  cluster?: ClusterOptions | undefined
}

/** The admin API: HTTP and JSON for whoever operates Limpet. */
export interface AdminOptions {
  /**
   * Where it listens: `unix:/path`, which only the user of the process can open, or `host:port`, `[v6]:port`, `:port`.
   * @defaultValue 'unix:/run/limpet/admin.sock'
   */
  listen?: string | undefined
  /** What clients must show as their bearer token; required unless `listen` is a unix socket. */
  token?: SecretOption | undefined
  /**
   * Further values of the header `Host` that are taken, with or without a port, besides its own address and `localhost`.
   * @defaultValue []
   */
  hosts?: string[] | undefined
}

/** What is written to the log. */
export interface LogOptions {
  /**
   * Lines less important than this are not written.
   * @defaultValue 'info'
   */
  level?: LogLevel | undefined
  /**
   * A line for every session that ended, or for a share of them, chosen at random: a number above 0 and below 1.
   * @defaultValue 'off'
   */
  sessions?: 'off' | 'on' | boolean | number | undefined
}
