import type { OpenSocket } from './acceptor/open-socket.ts'
import type { Balancer } from './balancer.ts'
import type { BackendHealthOptions, BackendState } from './config/options.ts'
import type { BackendAgent } from './pool/agents.ts'
import type { MovedClients } from './pool/moves.ts'
import type { Pool } from './pool/pool.ts'
import type { ReloadResult } from './reload/result.ts'
import type { ClosingInfo } from './sessions/closings.ts'
import type { RebalanceInfo } from './sessions/rebalancer.ts'

/** Where a balancer is in its life; it never goes back, but from `opening` to `idle` when `listen()` fails. */
export type BalancerStatus = 'idle' | 'opening' | 'listening' | 'closing' | 'closed'

/** What the events `backendAdded`, `backendRemoved` and `backendUpdated` tell. */
export interface BackendChange {
  /** Name of the pool. */
  pool: string
  /** Name of the backend. */
  name: string
  /** Its address, as it is configured. */
  address: string
  /** Its share of the clients. */
  weight: number
  /** Most sessions at one time; 0: no limit of its own. */
  maxSessions: number
  /** Whether it serves only while no other one takes new clients. */
  backup: boolean
  /** What is wanted of it. */
  state: BackendState
  /** What is different in its checks (`health` of the backend); absent: nothing. */
  checks?: BackendHealthOptions | 'off'
}

/** What the events `backendUp` and `backendDown` tell. */
export interface BackendHealthChange {
  /** Name of the pool. */
  pool: string
  /** Name of the backend. */
  name: string
  /** Its address, as it is configured. */
  address: string
  /** What the check said, or what failed. */
  reason: string
}

/** What the events `backendEjected` and `backendReadmitted` tell. */
export interface BackendEjection extends BackendHealthChange {
  /** When it will be back, in milliseconds since the epoch; absent: it is back. */
  ejectedUntil?: number
}

/** What the event `backendAgent` tells. */
export interface BackendAgentChange {
  /** Name of the pool. */
  pool: string
  /** Name of the backend. */
  name: string
  /** Its address, as it is configured. */
  address: string
  /** What its agent has said, all in all. */
  agent: BackendAgent
}

/** What the event `clientsMoved` tells. */
export interface ClientsMoved extends MovedClients {
  /** Name of the pool. */
  pool: string
}

/** The events of a {@link Balancer} and their arguments. */
export interface BalancerEvents {
  /** Every listener is open. */
  listening: []
  /** Closed: no session, no listener, no thread is left. */
  close: []
  /** A listener failed after it was opened; `error.listener` is its name. Without a handler it is only logged. */
  error: [Error & { listener: string }]
  /** A backend was added to a pool; told before {@link Pool.add} returns. */
  backendAdded: [BackendChange]
  /** A backend was removed from a pool; told before {@link Pool.remove} returns. */
  backendRemoved: [BackendChange]
  /** A backend was changed; told before {@link Pool.update} returns. */
  backendUpdated: [BackendChange]
  /** A backend is up by its checks, after it was down or not checked yet. */
  backendUp: [BackendHealthChange]
  /** A backend is down by its checks. */
  backendDown: [BackendHealthChange]
  /** A backend gets no sessions for a while, because those that it had failed one after the other. */
  backendEjected: [BackendEjection]
  /** A backend that was ejected is back. */
  backendReadmitted: [BackendEjection]
  /** Sessions begin to be closed at a pace. */
  closingStarted: [ClosingInfo]
  /** A closing of sessions is done, or was stopped. */
  closingEnded: [ClosingInfo]
  /** The clients of backends that are back, or new, begin to be brought home. */
  rebalanceStarted: [RebalanceInfo]
  /** They are home, or that was stopped. */
  rebalanceEnded: [RebalanceInfo]
  /** The agent of a backend said something else than before. */
  backendAgent: [BackendAgentChange]
  /** What changes of backends have moved; told a moment after them, once for all of one turn of the event loop. */
  clientsMoved: [ClientsMoved]
  /** A reload is done, and what it changed was told by the events above. */
  reloaded: [ReloadResult]
}

/** Listen sockets that are open: those that {@link Balancer.listen} takes, or those that a balancer has. Linux. */
export interface OpenSockets {
  /** By the name of the listener. */
  readonly listeners: ReadonlyMap<string, OpenSocket>
  /** That of the admin API. */
  readonly admin?: OpenSocket | undefined
}

/** Listen sockets that another process has been given. */
export interface PassedSockets {
  /** Names of listeners. */
  readonly listeners: readonly string[]
  /** Whether that of the admin API is one of them. */
  readonly admin: boolean
}

/** Options of {@link Balancer.listen}. */
export interface ListenOptions {
  /** Aborts the opening: everything that was opened is closed again, and the balancer is `idle`. */
  signal?: AbortSignal | undefined
  /**
   * Reads the configuration again and calls {@link Balancer.reload}: what the admin API does when it is asked to reload.
   * Left out: it answers that it cannot.
   */
  reload?: (() => Promise<ReloadResult>) | undefined
  /**
   * Listen sockets that another process opened, like a service manager or the process that this one takes over from. They
   * are used in place of those that would be opened; other listeners open theirs. The admin API, if its socket is among them,
   * is opened last.
   */
  sockets?: OpenSockets | undefined
  /**
   * Absolute paths of files of `state` and `stickTable.file` that another process, whose place this one takes, still has: they
   * are read at most until {@link Balancer.ownFiles} is called.
   */
  borrowedFiles?: readonly string[] | undefined
  /** Awaited when the backends are known, before the first listener is opened. */
  prepare?: (() => Promise<void>) | undefined
}

/** Options of {@link Balancer.close}. */
export interface CloseOptions {
  /**
   * How long sessions may go on, in milliseconds, up to 24 days; 0: they are cut at once.
   * @defaultValue `shutdownTimeout` of the configuration
   */
  timeoutMs?: number | undefined
  /** Aborts the waiting only: the promise rejects, the closing goes on. */
  signal?: AbortSignal | undefined
}

/** Options of {@link Balancer.handle}: where the client goes, by a listener or by a pool, not both. */
export type HandleOptions =
  | {
      /** Name of a listener, whose pool, `relay` and `maxSessions` hold. */
      listener?: string | undefined
      pool?: undefined
    }
  | {
      listener?: undefined
      /**
       * Name of a pool.
       * @defaultValue the only pool
       */
      pool?: string | undefined
    }
