import type { AffinityOptions } from './affinity-options.ts'
import type { BackendOptions } from './backend-options.ts'
import type { DiscoveryOptions } from './discovery-options.ts'
import type { AgentOptions, EjectionOptions, HealthOptions } from './health-options.ts'
import type { LimitsOptions } from './limits-options.ts'
import type { SendProxyOptions, SourceOptions } from './outgoing-options.ts'
import type { BackendTlsOptions } from './tls-options.ts'
import type { Duration, SecretOption } from './value-options.ts'

/** How the order of the backends is made for a key. */
export type PlacementAlgorithm = 'rendezvous' | 'ring'

/** Whose sessions a bound counts: this balancer's, or those of all balancers of the cluster. */
export type BoundScope = 'local' | 'cluster'

/** How far the loads of backends may differ. */
export interface BoundedLoadOptions {
  /**
   * How much more than its share a backend may hold; 1 to 1000 with at most 3 decimals.
   * @defaultValue 1.25
   */
  factor?: number | undefined
  /**
   * Whose sessions are counted. `cluster`: those of the others as they have told last, about once a second.
   * @defaultValue 'local'
   */
  scope?: BoundScope | undefined
}

/** When a client that was sent elsewhere goes home again. */
export type ReturnHome = 'never' | 'next-connect' | 'after-idle'

/** How clients are brought home when their home takes new clients again, or is new. */
export interface RebalanceOptions {
  /**
   * Per cent of the clients that are off home when it begins, a minute: 100 moves all of them in a minute. Up to 6000; 0: none.
   * @defaultValue 0
   */
  perMinute?: number | undefined
  /**
   * Clients with a session that is younger stay for now, and no client is moved twice in this time; up to 1 day.
   * @defaultValue '5m'
   */
  minAge?: Duration | undefined
}

/** A set of backends with one affinity policy. */
export interface PoolOptions {
  /**
   * How the order of the backends is made for a key.
   * @defaultValue 'rendezvous'
   */
  placement?: PlacementAlgorithm | undefined
  /**
   * How much more than its share a backend may hold before new keys overflow to another: 1.25 is a quarter more.
   * 1 to 1000 with at most 3 decimals, alone or with a scope; or `off` (`false`).
   * @defaultValue 1.25
   */
  boundedLoad?: number | BoundedLoadOptions | 'off' | false | undefined
  /**
   * What makes homes unpredictable for clients. Balancers with equal secrets and backends give equal homes.
   * @defaultValue derived from the pool's name, which clients may guess
   */
  secret?: SecretOption | undefined
  /** What identifies a client. */
  affinity?: AffinityOptions | undefined
  /**
   * The table that remembers where clients are, or `off` (`false`).
   * @defaultValue \{ size: 1000000, ttl: '30m' \}
   */
  stickTable?: StickTableOptions | 'off' | false | undefined
  /** How long things may take. */
  timeouts?: TimeoutOptions | undefined
  /**
   * TLS on the connections to backends, or `off` (`false`). `{}`: with the defaults.
   * @defaultValue 'off'
   */
  backendTls?: BackendTlsOptions | 'off' | false | undefined
  /**
   * Most sessions of all backends together at one time; 0: no limit of its own.
   * @defaultValue 0
   */
  maxSessions?: number | undefined
  /**
   * Further tries after a failed connect, each on another backend; 0 to 16.
   * @defaultValue 3
   */
  retries?: number | undefined
  /**
   * Active checks of the backends, or `off` (`false`). Who fails them gets no clients. They run while the balancer listens.
   * @defaultValue 'off'
   */
  health?: HealthOptions | 'off' | false | undefined
  /**
   * When fewer of the backends than this share are up, in per cent, checks are not believed and all of them serve; or
   * `off` (`false`).
   * @defaultValue 50
   */
  failOpen?: number | 'off' | false | undefined
  /**
   * When a client that was sent elsewhere, because its home had no room or did not answer, goes home again, as soon as that has
   * room: `never` while its pin lives; `next-connect`, with its next connection, whatever other sessions it has;
   * `after-idle`, with the next one after all of its sessions have ended.
   * @defaultValue 'never'
   */
  returnHome?: ReturnHome | undefined
  /** Whether clients are brought home, by closing their sessions elsewhere, when their home comes back. */
  rebalance?: RebalanceOptions | undefined
  /** What one client may have, and how fast backends take new ones. */
  limits?: LimitsOptions | undefined
  /**
   * Passive checks, or `off` (`false`): a backend that fails the sessions of clients gets none for a while. `{}`: with the
   * defaults. They run while the balancer listens.
   * @defaultValue 'off'
   */
  ejection?: EjectionOptions | 'off' | false | undefined
  /**
   * Agents of the backends: what a server says of itself, by HAProxy's agent-check protocol. They are asked while the balancer
   * listens.
   */
  agent?: AgentOptions | undefined
  /**
   * How long a backend that is added, or serves again after it was down, ejected or in maintenance, takes to get all of its clients, up to
   * 1 hour. Its bound grows with it. 0: it gets them at once.
   * @defaultValue '0s'
   */
  slowStart?: Duration | undefined
  /**
   * The PROXY protocol header that backends get before the first byte of a session, and that checks send: of version 1 or 2, or
   * `off` (`false`).
   * @defaultValue 'off'
   */
  sendProxy?: SendProxyOptions | 'v1' | 'v2' | 'off' | false | undefined
  /** Where connections to backends come from. */
  source?: SourceOptions | undefined
  /**
   * The servers, at most 10,000; or where they are found.
   * @defaultValue []
   */
  backends?: BackendOptions[] | DiscoveryOptions | undefined
}

/** The table that remembers where clients are. */
export interface StickTableOptions {
  /**
   * Entries that it holds, 1 to 100,000,000; allocated once, 22.9 bytes each.
   * @defaultValue 1000000
   */
  size?: number | undefined
  /**
   * How long an entry stays after the last session of its client has ended, 1 second to 365 days.
   * @defaultValue '30m'
   */
  ttl?: Duration | undefined
  /**
   * A file for the table, which then outlives a restart and a crash; relative to the configuration file. It is made if it
   * is not there, in its full size. `off`: memory only.
   * @defaultValue 'off'
   */
  file?: string | undefined
}

/** How long things may take. */
export interface TimeoutOptions {
  /**
   * Connecting to one backend, 1 ms to 1 hour.
   * @defaultValue '5s'
   */
  connect?: Duration | undefined
  /**
   * No byte in either direction, 1 ms to 24 days.
   * @defaultValue '1h'
   */
  idle?: Duration | undefined
  /**
   * No byte in the other direction, once one direction has ended; 1 ms to 24 days.
   * @defaultValue '30s'
   */
  fin?: Duration | undefined
  /** TCP keepalive, on the sockets of clients and of backends. */
  keepalive?: KeepaliveOptions | undefined
}

/** TCP keepalive. The kernel counts `idle` and `interval` in whole seconds. */
export interface KeepaliveOptions {
  /**
   * Silence before the first probe, 1 to 32,767 seconds. 0: no keepalive.
   * @defaultValue '60s'
   */
  idle?: Duration | undefined
  /**
   * Time between probes, 1 to 32,767 seconds.
   * @defaultValue '10s'
   */
  interval?: Duration | undefined
  /**
   * Unanswered probes after which the peer is dead, 1 to 127.
   * @defaultValue 3
   */
  count?: number | undefined
  /**
   * `TCP_USER_TIMEOUT`: how long sent bytes may stay unacknowledged. 0: the system's own. At most 24 days.
   * @defaultValue '0s'
   */
  userTimeout?: Duration | undefined
}
