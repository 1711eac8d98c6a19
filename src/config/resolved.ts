import type { KeyFunction } from '../affinity/key-function.ts'
import type { KeyModule } from '../affinity/key-module.ts'
import type { KeyRegex } from '../affinity/regex/key-regex.ts'
import type { RouteFunction } from '../routing/route-function.ts'
import type { BackendAddress, BindAddress, ListenAddress } from './address.ts'
import type { ResolvedBound } from './bounded-load.ts'
import type { ResolvedCluster } from './cluster.ts'
import type { ResolvedCookie } from './cookie.ts'
import type { ResolvedDiscovery } from './discovery.ts'
import type {
  AcceptorKind,
  BackendState,
  CheckType,
  KeyFallbackName,
  LogLevel,
  PlacementAlgorithm,
  PostgresTls,
  ProxyTlvName,
  RelayKind,
  ReturnHome,
} from './options.ts'
import type { PoolSecret } from './pool-secret.ts'
import type { ResolvedBackendTls, ResolvedListenerTls } from './tls-resolved.ts'

/** A configuration that is valid, with every default filled in. Times are in whole milliseconds. */
export interface ResolvedConfig {
  /** The file that it was read from, if any. */
  readonly file?: string | undefined
  readonly listeners: readonly ResolvedListener[]
  /** By name, in the order of the document; at least one. */
  readonly pools: ReadonlyMap<string, ResolvedPool>
  /** Threads of the native relay; 0: as many as fit the machine. */
  readonly threads: number
  /** Milliseconds; 0: sessions are closed at once. */
  readonly shutdownTimeout: number
  /** Absolute path of the file that keeps changes; undefined: nothing is kept. */
  readonly state: string | undefined
  /** User to become, by name or number; undefined: the process stays what it is. */
  readonly user: string | undefined
  /** Group to become; undefined: the primary one of the user. */
  readonly group: string | undefined
  readonly log: ResolvedLog
  /** Undefined: there is no admin API. */
  readonly admin: ResolvedAdmin | undefined
  /** Undefined: it shares nothing with other balancers. */
  readonly cluster: ResolvedCluster | undefined
  /** What is allowed but most likely not meant, one sentence each. */
  readonly warnings: readonly string[]
}

export interface ResolvedLog {
  readonly level: LogLevel
  /** The share of the sessions for which a line is written when they have ended; 0: none. */
  readonly sessions: number
}

export interface ResolvedAdmin {
  readonly listen: ListenAddress
  /** Undefined: whoever can open the unix socket may do everything. */
  readonly token: PoolSecret | undefined
  /** Further values of the header Host, in small letters. */
  readonly hosts: readonly string[]
}

export interface ResolvedListener {
  readonly name: string
  readonly bind: BindAddress
  /** Name of a pool of the same configuration; undefined: `route` says which. */
  readonly pool: string | undefined
  /** The first whose conditions hold decides; empty: there is one pool. */
  readonly route: readonly ResolvedRoute[]
  /**
   * Names of the pools that its clients may go to, each once: those that are named there, and where code chooses, all others but
   * those with `source.transparent`, which need the native relay.
   */
  readonly pools: readonly string[]
  readonly acceptor: AcceptorKind
  readonly relay: RelayKind
  /** 0: no limit of its own. */
  readonly maxSessions: number
  /** Clients that may wait to be accepted. */
  readonly backlog: number
  /** Milliseconds, whole seconds; 0: off. */
  readonly deferAccept: number
  /** Length of the queue; 0: off. */
  readonly fastOpen: number
  readonly peek: ResolvedPeek
  readonly proxyProtocol: ResolvedProxyProtocol
  /** Undefined: bytes are passed on as they are. */
  readonly tls: ResolvedListenerTls | undefined
  /** Networks in canonical text; empty: whatever is not denied. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

/** Says to which pool of a listener clients go. */
export type ResolvedRoute = ResolvedPoolRoute | ResolvedCodeRoute

/** A function that says the pool, or that the next entry is to say it. */
export interface ResolvedCodeRoute {
  readonly by: RouteFunction | KeyModule<RouteFunction>
}

/** A pool of a listener, and the conditions under which clients go to it, all of which must hold. */
export interface ResolvedPoolRoute {
  /** In small letters, `*.` before what only has to be the end of a name; undefined: any, and clients without TLS. */
  readonly sni?: string | undefined
  /** Undefined: any, and clients without TLS. */
  readonly alpn?: string | undefined
  /** Undefined: any. */
  readonly port?: number | undefined
  /** Name of a pool of the same configuration. */
  readonly pool: string
}

/** Clients that come through proxies. */
export interface ResolvedProxyProtocol {
  readonly accept: 'on' | 'off'
  /** Networks in canonical text; with `accept`, not empty. */
  readonly trust: readonly string[]
  /** Milliseconds. */
  readonly timeout: number
}

/** How far, and for how long, the first bytes of a client are looked at. */
export interface ResolvedPeek {
  readonly bytes: number
  /** Milliseconds. */
  readonly timeout: number
}

export interface ResolvedPool extends ResolvedBound {
  readonly name: string
  readonly placement: PlacementAlgorithm
  readonly secret: PoolSecret
  readonly affinity: ResolvedAffinity
  /** Undefined: no table. */
  readonly stickTable: ResolvedStickTable | undefined
  readonly timeouts: ResolvedTimeouts
  /** Undefined: plain connections. */
  readonly backendTls: ResolvedBackendTls | undefined
  /** Of all backends together; 0: no limit of its own. */
  readonly maxSessions: number
  /** Further tries after a failed connect. */
  readonly retries: number
  /** Undefined: no checks. */
  readonly health: ResolvedHealth | undefined
  /** Per cent; 0: off. */
  readonly failOpen: number
  /** Undefined: nobody is ejected. */
  readonly ejection: ResolvedEjection | undefined
  readonly returnHome: ReturnHome
  readonly rebalance: ResolvedRebalance
  readonly agent: ResolvedAgent
  readonly limits: ResolvedLimits
  /** Milliseconds; 0: off. */
  readonly slowStart: number
  /** Undefined: backends are told nothing. */
  readonly sendProxy: ResolvedSendProxy | undefined
  readonly source: ResolvedSource
  /** Those that are listed, or were found. */
  readonly backends: readonly ResolvedBackend[]
  /** Where backends are found; undefined: they are listed. */
  readonly discovery: ResolvedDiscovery | undefined
}

/** The PROXY protocol header that backends get. */
export interface ResolvedSendProxy {
  readonly version: 1 | 2
  readonly tlvs: readonly ProxyTlvName[]
}

/** Where connections to backends come from. */
export interface ResolvedSource {
  /** Canonical texts of IP addresses; empty: the system chooses. */
  readonly bind: readonly string[]
  /** Whether, of sessions, they come from the client's address, or from its port, too. */
  readonly transparent: 'off' | 'on' | 'port'
}

/** How clients are brought home. */
export interface ResolvedRebalance {
  /** Per cent of those that are off home when it begins; 0: none. */
  readonly perMinute: number
  /** Milliseconds. */
  readonly minAge: number
}

/** What one client may have, and how fast backends take new ones; 0: no limit. */
export interface ResolvedLimits {
  readonly sessionsPerKey: number
  readonly newPerSecondPerKey: number
  /** Not 0 where the rate is limited. */
  readonly burst: number
  /** New sessions that each backend takes. */
  readonly admitPerSecond: number
  /** Of clients that wait while all backends are full. */
  readonly queue: ResolvedQueue
}

export interface ResolvedQueue {
  /** The most; 0: nobody waits. */
  readonly size: number
  /** Milliseconds. */
  readonly timeout: number
}

/** A source of keys: its text (see `readKeys` in key-source.ts), or code. */
export type ResolvedKey = string | KeyFunction | KeyModule | KeyRegex

export interface ResolvedAffinity {
  readonly key: readonly ResolvedKey[]
  readonly fallback: KeyFallbackName
  /** Undefined: none. */
  readonly cookie: ResolvedCookie | undefined
  readonly postgres: ResolvedPostgres
  readonly ipv4Prefix: number
  /** 0: auto. */
  readonly ipv6Prefix: number
  /** Undefined: no key is spread. */
  readonly hotKey: ResolvedHotKey | undefined
}

/** When a key is spread over several backends. */
export interface ResolvedHotKey {
  /** Of its backend's bound, in thousandths. */
  readonly shareMilli: number
  /** Backends. */
  readonly spread: number
  /** `port`, `address`, or the text of a source of keys: what tells its clients apart. */
  readonly by: string
  /** Only /64s of IPv6 are spread. */
  readonly ipv6Only: boolean
}

/** Keys of PostgreSQL's clients. */
export interface ResolvedPostgres {
  readonly tls: PostgresTls
}

export interface ResolvedStickTable {
  /** Entries. */
  readonly size: number
  /** Milliseconds. */
  readonly ttl: number
  /** Absolute path; undefined: the table is in memory only. */
  readonly file: string | undefined
}

/** Active checks. Times are in milliseconds. */
export interface ResolvedHealth {
  readonly type: CheckType
  readonly interval: number
  readonly fastInterval: number
  readonly timeout: number
  readonly rise: number
  readonly fall: number
  readonly initial: 'up' | 'down' | 'check'
  /** 0: the backend's own. */
  readonly port: number
  /** Undefined: the backend's own. */
  readonly address: BackendAddress | undefined
  /** Of types `http` and `https`. */
  readonly http: ResolvedHttpCheck
  /** Of type `expect`. */
  readonly steps: readonly ResolvedCheckStep[]
  /** Undefined: no TLS. */
  readonly tls: ResolvedCheckTls | undefined
  readonly onDown: ResolvedOnDown
}

/** What becomes of the sessions of a backend that went down. */
export interface ResolvedOnDown {
  readonly sessions: 'keep' | 'close'
  /** 0: all at once. */
  readonly perSecond: number
  /** Milliseconds. */
  readonly deadline: number
}

/** When backends are ejected for what their sessions do. */
export interface ResolvedEjection {
  /** In a row. */
  readonly failures: number
  /** Milliseconds. */
  readonly baseTime: number
  /** Per cent. */
  readonly maxEjected: number
}

/** Agents of backends. */
export interface ResolvedAgent {
  /** 0: there are none. */
  readonly port: number
  /** Milliseconds. */
  readonly interval: number
}

export interface ResolvedHttpCheck {
  readonly path: string
  /** Undefined: the backend's address. */
  readonly host: string | undefined
  /** Like `200-399`, several of them between commas. */
  readonly status: string
  /** Text that must occur; undefined: none. */
  readonly body: string | undefined
}

/** One of the five words, and how long it may take; undefined: as long as the check. */
export interface ResolvedCheckStep {
  readonly send?: string | undefined
  readonly sendHex?: string | undefined
  readonly expect?: string | undefined
  readonly expectHex?: string | undefined
  readonly expectRegex?: string | undefined
  readonly timeout?: number | undefined
}

export interface ResolvedCheckTls {
  /** Undefined: the backend's address. */
  readonly serverName: string | undefined
  readonly verify: boolean
}

/** Milliseconds. */
export interface ResolvedTimeouts {
  readonly connect: number
  readonly idle: number
  readonly fin: number
  readonly keepalive: ResolvedKeepalive
}

export interface ResolvedKeepalive {
  /** Milliseconds, whole seconds; 0: no keepalive. */
  readonly idle: number
  /** Milliseconds, whole seconds. */
  readonly interval: number
  /** Probes. */
  readonly count: number
  /** Milliseconds; 0: the system's own. */
  readonly userTimeout: number
}

export interface ResolvedBackend {
  readonly name: string
  readonly address: BackendAddress
  readonly weight: number
  /** 0: no limit of its own. */
  readonly maxSessions: number
  /** Serves only while no other one takes new clients. */
  readonly backup: boolean
  readonly state: BackendState
  /** What is different in its checks; absent or `pool`: nothing; `off`: it is not checked. */
  readonly health?: ResolvedBackendHealth | 'pool' | 'off' | undefined
}

/** What is different in the checks of one backend, as it was given; times in milliseconds. */
export interface ResolvedBackendHealth {
  readonly type?: CheckType | undefined
  readonly interval?: number | undefined
  readonly fastInterval?: number | undefined
  readonly timeout?: number | undefined
  readonly rise?: number | undefined
  readonly fall?: number | undefined
  readonly initial?: 'up' | 'down' | 'check' | undefined
  readonly port?: number | undefined
  readonly address?: BackendAddress | undefined
  readonly path?: string | undefined
  readonly host?: string | undefined
  readonly status?: string | undefined
  readonly body?: string | undefined
  readonly steps?: readonly ResolvedCheckStep[] | undefined
  readonly tls?:
    | { readonly serverName?: string | undefined; readonly verify?: 'on' | 'off' | undefined }
    | 'off'
    | undefined
  readonly onDown?: { readonly [Key in keyof ResolvedOnDown]?: ResolvedOnDown[Key] | undefined } | undefined
}

/** What of a backend is to be changed. */
export interface ResolvedBackendChanges {
  readonly address?: BackendAddress | undefined
  readonly weight?: number | undefined
  readonly maxSessions?: number | undefined
  readonly backup?: boolean | undefined
  readonly state?: BackendState | undefined
  readonly health?: ResolvedBackendHealth | 'pool' | 'off' | undefined
}
