import type { KeyFunction } from '../affinity/key-function.ts'
import type { CookieOptions } from './cookie-options.ts'

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
   * Bits of an IPv6 address that count, 1 to 128; or `auto`: keys are /64s, homes those of their /56, so that a subscriber who takes
   * other /64s of it stays, and clients of a hot /64 are spread by their whole addresses; see docs/affinity.md.
   * @defaultValue 64
   */
  ipv6Prefix?: number | 'auto' | undefined
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
