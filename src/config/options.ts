import type { KeyFunction } from '../affinity/key-function.ts'
import type { CookieOptions } from './cookie-options.ts'
import type { DiscoveryOptions } from './discovery-options.ts'

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

/** When a client that was sent elsewhere goes home again. */
export type ReturnHome = 'never' | 'next-connect' | 'after-idle'

/** How clients are accepted. */
export type AcceptorKind = 'auto' | 'net' | 'native'

/**
 * What an operator wants of a backend. `ready`: it serves. `drain`: it serves the clients that have a pin to it, and gets
 * no new ones. `drain-hard`: nobody is sent to it any more; its clients go elsewhere with their next connection. `maint`:
 * the same, and it is not checked. Its sessions go on in every state, and its homes stay its own.
 */
export type BackendState = 'ready' | 'drain' | 'drain-hard' | 'maint'

/** What a health check asks a backend. */
export type CheckType = 'tcp' | 'tls' | 'http' | 'https' | 'expect' | 'redis' | 'postgres' | 'mysql' | 'smtp' | 'mqtt'

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

/** An address that accepts clients, for one pool or several. */
export interface ListenerOptions {
  /** Its name, different from those of the other listeners. */
  name: string
  /** Where it listens: `host:port`, `[v6]:port`, `:port`, `unix:/path`, or `{ fd }`. Port 0: a free port. */
  bind: BindOption
  /** Name of the pool that its clients go to; `route` in its place: several. */
  pool?: string | undefined
  /**
   * In place of `pool`: pools, and whom they are for. The first entry whose conditions all hold decides; one without any, as
   * the last, is for the rest. Who has no route is closed, and counted as `refusedNoRoute`. At most 1,000; see docs/routing.md.
   */
  route?: RouteOptions[] | undefined
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
  /** Looking for keys that are no addresses. */
  peek?: PeekOptions | undefined
  /** Clients that come through proxies. `allow` and `deny` are then about the clients that these name. */
  proxyProtocol?: ProxyProtocolOptions | undefined
  /**
   * TLS of clients that ends here, or `off` (`false`): what they send is passed on as it is.
   * @defaultValue 'off'
   */
  tls?: ListenerTlsOptions | 'off' | false | undefined
  /**
   * Networks, like `10.0.0.0/8` or `2001:db8::/32`, and addresses: their clients are taken, and no others. Empty: all that
   * are not denied.
   * @defaultValue []
   */
  allow?: string[] | undefined
  /**
   * Networks and addresses whose clients are closed at once, allowed or not.
   * @defaultValue []
   */
  deny?: string[] | undefined
}

/** A pool of a listener, and the conditions under which clients go to it, all of which must hold. */
export interface RouteOptions {
  /**
   * The name of the server that the client asks for (SNI of TLS), in any case. `*.example`: every name that ends in
   * `.example`, of one label more or several.
   */
  sni?: string | undefined
  /** One of the protocols that the client offers (ALPN of TLS). */
  alpn?: string | undefined
  /** The port that the client connected to, also where the packet filter redirects it. */
  port?: number | undefined
  /** Name of the pool. */
  pool: string
}

/** A certificate and its key: files in PEM, relative to the configuration file, or to the working directory. */
export interface CertificateOptions {
  /** The certificate, and behind it those between it and its CA. */
  cert: string
  /** Its private key, without a passphrase. */
  key: string
}

/** TLS that ends at a listener. The files are read again when they change. */
export interface ListenerTlsOptions {
  /** 1 to 100, chosen by the name that the client asks for; the first one is for those who ask for none of them. */
  certificates: CertificateOptions[]
  /** The CAs of client certificates; without it clients are asked for none. */
  clientCa?: string | undefined
  /**
   * With `clientCa`. `require`: who has no certificate is refused; `request`: who has none is served.
   * @defaultValue 'require', with `clientCa`
   */
  clientCertificates?: 'require' | 'request' | undefined
  /**
   * The oldest version that clients may speak.
   * @defaultValue 'TLSv1.2'
   */
  minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  /**
   * Protocols that are offered (ALPN), the best first; at most 16. Empty: none is chosen.
   * @defaultValue []
   */
  alpn?: string[] | undefined
  /**
   * How long the handshake of a client may take, 100 ms to 1 minute.
   * @defaultValue '10s'
   */
  handshakeTimeout?: Duration | undefined
}

/** TLS to the backends of a pool. The files are read again when they change. */
export interface BackendTlsOptions {
  /**
   * Whether the certificate of a backend must be valid, and for its name.
   * @defaultValue 'on'
   */
  verify?: 'on' | 'off' | boolean | undefined
  /** The CAs of the backends' certificates. Default: those that Node.js brings along. */
  ca?: string | undefined
  /**
   * The name that certificates must have, sent as SNI; `sni`: the one that the client asked for, if it did. Default: the host of
   * the backend's address.
   */
  serverName?: string | undefined
  /** A certificate for backends that ask for one. */
  cert?: string | undefined
  /** Its private key, without a passphrase. */
  key?: string | undefined
  /**
   * Protocols that are offered to backends (ALPN); at most 16.
   * @defaultValue []
   */
  alpn?: string[] | undefined
}

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

/** What a header of version 2 can say besides the addresses. */
export type ProxyTlvName = 'authority' | 'uniqueId' | 'crc32c'

/** The PROXY protocol header that backends get. */
export interface SendProxyOptions {
  /** @defaultValue 'v2' */
  version?: 'v1' | 'v2' | undefined
  /**
   * What a header of version 2 says besides the addresses. `authority`: the server name of the client's TLS, where it has come
   * by then; `uniqueId`: the id of the session; `crc32c`: a checksum of the header.
   * @defaultValue []
   */
  tlvs?: ProxyTlvName[] | undefined
}

/** Where connections to backends come from. */
export interface SourceOptions {
  /**
   * IP addresses of this host, at most 64: connections come from them in turn, from those of the backend's family, and from the
   * next one where all ports of one are taken. Empty: the system chooses.
   * @defaultValue []
   */
  bind?: string[] | undefined
  /**
   * `on` (`true`): sessions reach the backend from the client's own IP address (IP_TRANSPARENT); `port`: and from its port. Only
   * with the native relay, with CAP_NET_ADMIN, and in a network that routes the answers back to this host.
   * @defaultValue 'off'
   */
  transparent?: 'off' | 'on' | 'port' | boolean | undefined
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

/** Active checks of a pool's backends. */
export interface HealthOptions {
  /**
   * What a backend is asked. `tcp`: to connect; `tls`: a handshake; `http`, `https`: a GET; `expect`: the steps below;
   * `redis`: PING; `postgres`: to begin a session; `mysql`: its greeting; `smtp`: its greeting; `mqtt`: CONNECT.
   * @defaultValue 'tcp'
   */
  type?: CheckType | undefined
  /**
   * Time between two checks of a backend, 10 ms to 1 hour; a tenth more or less at random.
   * @defaultValue '2s'
   */
  interval?: Duration | undefined
  /**
   * The same, while results speak against the state that the backend has.
   * @defaultValue '1s'
   */
  fastInterval?: Duration | undefined
  /**
   * How long a check may take, 1 ms to 1 hour.
   * @defaultValue '1s'
   */
  timeout?: Duration | undefined
  /**
   * Good checks in a row before a backend is up.
   * @defaultValue 2
   */
  rise?: number | undefined
  /**
   * Bad checks in a row before a backend is down.
   * @defaultValue 3
   */
  fall?: number | undefined
  /**
   * What a backend is before its first check. `check`: that one check decides, and traffic waits for it.
   * @defaultValue 'check'
   */
  initial?: 'up' | 'down' | 'check' | undefined
  /**
   * The port that is checked; 0: the backend's own.
   * @defaultValue 0
   */
  port?: number | undefined
  /** What an HTTP check asks for. Default: `/`. */
  path?: string | undefined
  /** The Host of an HTTP check. Default: the backend's address. */
  host?: string | undefined
  /** HTTP statuses that are well, like `200-399`, which is the default, or `200,204`. */
  status?: string | number | undefined
  /** Text that must occur in the first 64 KiB of the answer of an HTTP check. */
  body?: string | undefined
  /** What a check of type `expect` sends and expects, one after the other; at most 32. */
  steps?: CheckStep[] | undefined
  /** TLS of the check; `tls` and `https` use it in any case. */
  tls?: CheckTls | 'off' | false | undefined
  /** What becomes of the sessions of a backend that went down. */
  onDown?: OnDownOptions | undefined
}

/** What is different in the checks of one backend; the rest is its pool's. */
export interface BackendHealthOptions extends HealthOptions {
  /**
   * Where it is checked, if not at its own address: `host:port`, `[v6]:port` or `unix:/path`. A host name is looked up for every
   * check. Not together with `port`.
   */
  address?: string | undefined
}

/** Agents of the backends of a pool. */
export interface AgentOptions {
  /**
   * The port of the backend's host where its agent listens; 0: there are none.
   * @defaultValue 0
   */
  port?: number | undefined
  /**
   * Time between two questions, 100 ms to 1 hour; a tenth more or less at random.
   * @defaultValue '2s'
   */
  interval?: Duration | undefined
}

/** When a backend is ejected for what its sessions do. Its homes stay its own. */
export interface EjectionOptions {
  /**
   * Connects in a row that fail, or sessions in a row that the backend resets within five seconds and before it has sent anything.
   * @defaultValue 5
   */
  failures?: number | undefined
  /**
   * How long it is out the first time, 1 second to 1 hour. Each further time is that much longer, up to five minutes (or this, if
   * it is more); each such time in peace takes one off again.
   * @defaultValue '30s'
   */
  baseTime?: Duration | undefined
  /**
   * Per cent of the backends that may be out at one time, 1 to 100. One always may; the last that can serve never.
   * @defaultValue 10
   */
  maxEjected?: number | undefined
}

/** What becomes of the sessions of a backend that went down. */
export interface OnDownOptions {
  /**
   * `keep`: they go on as long as they can; `close`: they are closed, so that their clients come back to another one.
   * @defaultValue 'keep'
   */
  sessions?: 'keep' | 'close' | undefined
  /**
   * Sessions that are closed a second, the longest idle first; 0: all at once.
   * @defaultValue 100
   */
  perSecond?: number | undefined
  /**
   * When what is left is closed at once, from the beginning.
   * @defaultValue '30s'
   */
  deadline?: Duration | undefined
}

/** One step of a check: one of `send`, `sendHex`, `expect`, `expectHex` and `expectRegex`. */
export interface CheckStep {
  /** Text that is sent. */
  send?: string | undefined
  /** Bytes that are sent, in hexadecimal digits. */
  sendHex?: string | undefined
  /** Text that must come, wherever in what has come since the last step. */
  expect?: string | undefined
  /** Bytes that must come, in hexadecimal digits. */
  expectHex?: string | undefined
  /** A regular expression that must match what has come; bytes are taken as Latin-1. */
  expectRegex?: string | undefined
  /** How long this step may take. Default: the check's `timeout`. */
  timeout?: Duration | undefined
}

/** TLS of a check. */
export interface CheckTls {
  /** The name that the certificate must have; sent as SNI. Default: the backend's address. */
  serverName?: string | undefined
  /**
   * Whether the certificate must be valid.
   * @defaultValue 'on'
   */
  verify?: 'on' | 'off' | boolean | undefined
}

/** What becomes of a client without a key. */
export type KeyFallbackName = 'source' | 'refuse' | 'random'

/**
 * Where a key is: a name like `tls.sni` or `http.cookie:NAME`; `length` bytes at `offset`; as many bytes as a number of `size`
 * bytes at `offset` says, right behind it; what the PROXY header has, a number being the type of a TLV; the first group of a regular
 * expression (`/…/flags`) over the first `bytes` (1,024); what a function makes of the first bytes, or one that a module exports
 * (`PATH#NAME`).
 */
export type KeyOption =
  | string
  | { bytes: { offset: number; length: number } }
  | { lengthPrefixed: { offset: number; size: 1 | 2 | 4; order?: 'big' | 'little' | undefined } }
  | { proxy: 'source' | 'authority' | 'uniqueId' | 'vpcEndpoint' | number }
  | { regex: string | RegExp; bytes?: number | undefined }
  | { module: string }
  | KeyFunction

/** How far, and for how long, the first bytes of a client are looked at. */
export interface PeekOptions {
  /**
   * Bytes, or text like `16KiB`; 16 to 65,536.
   * @defaultValue '16KiB'
   */
  bytes?: number | string | undefined
  /** @defaultValue '3s' */
  timeout?: Duration | undefined
}

/** Clients that come through proxies. */
export interface ProxyProtocolOptions {
  /**
   * Whether every connection begins with a PROXY protocol header (version 1 or 2), which names the client.
   * @defaultValue 'off'
   */
  accept?: 'on' | 'off' | boolean | undefined
  /**
   * Networks and addresses of the proxies. Whoever else connects is closed. Required with `accept: on`.
   * @defaultValue []
   */
  trust?: string[] | undefined
  /**
   * How long the header is waited for.
   * @defaultValue '3s'
   */
  timeout?: Duration | undefined
}

/** What identifies a client. */
export interface AffinityOptions {
  /**
   * Where the key of a client is: one source, or a list of which the first counts that yields one. `source` is the client's IP
   * address, cut to the prefixes below; all others are in its first bytes, or in its PROXY header, see docs/affinity.md.
   * @defaultValue 'source'
   */
  key?: KeyOption | KeyOption[] | undefined
  /**
   * What becomes of a client without a key. `source`: its address is the key; `refuse`: it is closed; `random`: it goes to the
   * least loaded backend, and has no pin.
   * @defaultValue 'source'
   */
  fallback?: KeyFallbackName | undefined
  /** Keys of PostgreSQL's clients (`postgres.user` and its like). */
  postgres?: PostgresOptions | undefined
  /**
   * A cookie that names the backend of a client, before its key is looked at; or `off` (`false`).
   * @defaultValue 'off'
   */
  cookie?: CookieOptions | 'off' | false | undefined
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
  /**
   * Spreads the clients of a key that has more sessions than one backend should have of one key (a whole town behind one
   * address) over several; see docs/affinity.md. `off`: however many sessions a key has, all go to one backend.
   * @defaultValue 'off'
   */
  hotKey?: HotKeyOptions | 'off' | false | undefined
}

/** When a key is hot, and what becomes of its clients. */
export interface HotKeyOptions {
  /**
   * A key with more live sessions than this share of the bound of its home is hot; above 0, to 1. With fewer than 16 none is.
   * @defaultValue 0.5
   */
  share?: number | undefined
  /**
   * Backends that its clients are spread over, 2 to 16; the first of them is its home.
   * @defaultValue 4
   */
  spread?: number | undefined
  /**
   * What tells its clients apart, always the same for the same client: `port`, the port that they come from;
   * `address`, the whole of their address, where keys are prefixes; `tls.sessionId`, the
   * session that a TLS client offers to resume; or a source of keys in the first bytes.
   * @defaultValue 'port'
   */
  by?: KeyOption | undefined
}

/** What becomes of a client of PostgreSQL that asks for encryption before it says who it is. */
export type PostgresTls = 'miss' | 'refuse'

/** Keys of PostgreSQL's clients. */
export interface PostgresOptions {
  /**
   * Clients ask for encryption (`SSLRequest`, `GSSENCRequest`) before they say who they are. `miss`: they have no key then;
   * `refuse`: Limpet answers that there is none here, and reads who they are. Their connections are not encrypted then, and
   * clients that insist on it leave.
   * @defaultValue 'miss'
   */
  tls?: PostgresTls | undefined
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
