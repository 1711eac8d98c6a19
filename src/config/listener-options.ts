import type { RouteFunction } from '../routing/route-function.ts'
import type { ListenerTlsOptions } from './tls-options.ts'
import type { Duration } from './value-options.ts'

/** Where a listener listens: `host:port`, `[v6]:port`, `:port`, `unix:/path`, or the file descriptor of an open listen socket. */
export type BindOption = string | { fd: number }

/** How clients are accepted. */
export type AcceptorKind = 'auto' | 'net' | 'native'

/** How bytes are carried between a client and its backend. */
export type RelayKind = 'auto' | 'native' | 'stream'

/** An address that accepts clients, for one pool or several. */
export interface ListenerOptions {
  /** Its name, different from those of the other listeners. */
  name: string
  /** Where it listens: `host:port`, `[v6]:port`, `:port`, `unix:/path`, or `{ fd }`. Port 0: a free port. */
  bind: BindOption
  /** Name of the pool that its clients go to; `route` in its place: several. */
  pool?: string | undefined
  /**
   * In place of `pool`: pools, and whom they are for. The first entry whose conditions all hold, or whose function names a
   * pool, decides; one without any, as the last, is for the rest. Who has no route is closed, and counted as `refusedNoRoute`. At most 1,000; see docs/routing.md.
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

/** An entry of a listener's `route`: a pool and whom it is for, or code that says the pool. */
export type RouteOptions = PoolRouteOptions | ModuleRouteOptions | FunctionRouteOptions

/** A function in a file of its own says the pool. */
export interface ModuleRouteOptions {
  /** `./route.js#NAME`: a file, relative to the configuration file, and the {@link RouteFunction} that it exports. */
  module: string
}

/** A function of the program says the pool. */
export interface FunctionRouteOptions {
  function: RouteFunction
}

/** A pool of a listener, and the conditions under which clients go to it, all of which must hold. */
export interface PoolRouteOptions {
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
