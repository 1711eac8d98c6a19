/** A time: text with a unit (`250ms`, `5s`, `1.5h`, `2d`), or a number of milliseconds. */
export type Duration = string | number

/** Where a listener listens: `host:port`, `[v6]:port`, `:port`, `unix:/path`, or the file descriptor of an open listen socket. */
export type BindOption = string | { fd: number }

/** A secret: the text itself (8 bytes or more), an environment variable, or a file (a last line break does not count). */
export type SecretOption = string | { env: string } | { file: string }

/** Lines of the log that are less important than this are not written. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** How the order of the backends is made for a key. */
export type PlacementAlgorithm = 'rendezvous' | 'ring'

/** How clients are accepted. */
export type AcceptorKind = 'auto' | 'net' | 'native'

/** How bytes are carried between a client and its backend. */
export type RelayKind = 'auto' | 'native' | 'stream'

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
  /** What is written to the log. */
  log?: LogOptions | undefined
}

/** An address that accepts clients for one pool. */
export interface ListenerOptions {
  /** Its name, different from those of the other listeners. */
  name: string
  /** Where it listens: `host:port`, `[v6]:port`, `:port`, `unix:/path`, or `{ fd }`. Port 0: a free port. */
  bind: BindOption
  /** Name of the pool that its clients go to. */
  pool: string
  /**
   * How clients are accepted. `native`: by the threads of the native relay, on Linux; `net`: by Node. `auto`: `native`
   * where it can be, that is not with the stream relay, for `{ fd }`, and in the workers of a cluster.
   * @defaultValue 'auto'
   */
  acceptor?: AcceptorKind | undefined
  /**
   * How bytes are carried. `auto`: native where it exists (Linux), otherwise stream.
   * @defaultValue 'auto'
   */
  relay?: RelayKind | undefined
  /**
   * Most sessions of this listener at one time. 0: only the limit of open files.
   * @defaultValue 0
   */
  maxSessions?: number | undefined
  /**
   * Clients that may wait to be accepted, 1 to 65,535; the system cuts it to its own limit (`net.core.somaxconn`).
   * @defaultValue 4096
   */
  backlog?: number | undefined
  /**
   * How long a client waits for its first byte before it is accepted (TCP_DEFER_ACCEPT, Linux), in whole seconds; `on`
   * (`true`) is 3s. Only for protocols in which the client speaks first.
   * @defaultValue 'off'
   */
  deferAccept?: Duration | 'off' | 'on' | boolean | undefined
  /**
   * How many clients may wait that sent data with their first packet (TCP_FASTOPEN, Linux); `on` (`true`) is 256.
   * @defaultValue 'off'
   */
  fastOpen?: number | 'off' | 'on' | boolean | undefined
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
   * 1 to 1000 with at most 3 decimals, or `off` (`false`).
   * @defaultValue 1.25
   */
  boundedLoad?: number | 'off' | false | undefined
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
   * Further tries after a failed connect, each on another backend; 0 to 16.
   * @defaultValue 3
   */
  retries?: number | undefined
  /**
   * The servers; at most 10,000.
   * @defaultValue []
   */
  backends?: BackendOptions[] | undefined
}

/** What identifies a client. */
export interface AffinityOptions {
  /**
   * `source`: the client's IP address, cut to the prefixes below.
   * @defaultValue 'source'
   */
  key?: 'source' | undefined
  /**
   * Bits of an IPv4 address that count, 1 to 32.
   * @defaultValue 32
   */
  ipv4Prefix?: number | undefined
  /**
   * Bits of an IPv6 address that count, 1 to 128.
   * @defaultValue 64
   */
  ipv6Prefix?: number | undefined
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
}

/** What of a backend can be changed while it serves; what is absent stays as it is. */
export interface BackendChanges {
  /** Where it is reached: `host:port`, `[v6]:port` or `unix:/path`. */
  address?: string | undefined
  /** Its share of the clients, 0 to 65,535. 0: no new keys. */
  weight?: number | undefined
  /** Most sessions at one time. 0: no limit of its own. */
  maxSessions?: number | undefined
}

/** What is written to the log. */
export interface LogOptions {
  /**
   * Lines less important than this are not written.
   * @defaultValue 'info'
   */
  level?: LogLevel | undefined
  /**
   * A line for every session that ended.
   * @defaultValue 'off'
   */
  sessions?: 'off' | 'on' | boolean | undefined
}
