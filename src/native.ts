import { loadAddon } from './addon.ts'
import type { NativeAddressFilter } from './native/address-filter.ts'
import type { NativeHeadKeys } from './native/head-keys.ts'
import type { NativeOs } from './native/os.ts'
import type { NativePlacement } from './native/placement.ts'
import type { NativePool } from './native/pool.ts'
import type { NativeProxy } from './native/proxy.ts'
import type { NativeFdBudget, NativeRelay } from './native/relay.ts'
import type { NativeRouteRules } from './native/routes.ts'
import type { NativeStickTable } from './native/table.ts'

/**
 * The typed face of the native addon: positional primitives and buffers only. Options are validated and
 * defaulted in TypeScript before anything here is called; native methods return a status (negative: `-errno`
 * or a {@link PickStatus}) where a user's input can cause it, and throw only for programming mistakes. What each
 * of its parts takes and says is in `native/`, a part a file.
 */

export * from './native/address-filter.ts'
export * from './native/counters.ts'
export * from './native/exceptions.ts'
export * from './native/head-keys.ts'
export * from './native/os.ts'
export * from './native/placement.ts'
export * from './native/pool.ts'
export * from './native/proxy.ts'
export * from './native/relay.ts'
export * from './native/routes.ts'
export * from './native/table.ts'

export interface NativeAddon {
  /** Version of the package that this binary was built from. */
  readonly version: string
  readonly Pool: new (
    placement: number,
    ringPoints: number,
    boundMilli: number,
    placementSecret: Uint8Array,
    keySecret: Uint8Array,
    ipv4Prefix: number,
    ipv6Prefix: number,
    tableSize: number,
    ttlMs: number,
    sessionHint: number,
    /** What one key may have: sessions at one time, new ones a second, and of these at once; what a backend takes a second. 0: no limit. Then how many wait for a seat, and how many milliseconds at most; and the number of a `ReturnHome` in `native/core/pool.h`. */
    limits?: Uint32Array,
    /** Path of the table's file; undefined: memory only. Throws an error with `errno` where it cannot be had. */
    tableFile?: string | undefined,
  ) => NativePool
  /** What the pool would find in the place of its file: number of a {@link TableFound}, or -errno. Touches nothing. */
  inspectTable(path: string, size: number): number
  readonly Placement: new (
    placement: number,
    ringPoints: number,
    placementSecret: Uint8Array,
    keySecret: Uint8Array,
    ipv4Prefix: number,
    ipv6Prefix: number,
    names: string[],
    weights: Uint32Array,
    /** One of the same names in the same order: what it has found out already, and still holds, is not computed again. */
    predecessor?: NativePlacement,
  ) => NativePlacement
  readonly StickTable: new (
    size: number,
    ttlMs: number,
    keySecret: Uint8Array,
    ipv4Prefix: number,
    ipv6Prefix: number,
  ) => NativeStickTable
  /** Of networks as `readNetwork` in `src/config/network.ts` gives them; nothing allowed: whatever is not denied. */
  readonly AddressFilter: new (
    allow: readonly string[],
    deny: readonly string[],
  ) => NativeAddressFilter
  /** Of the texts that `readKeys` in `src/config/key-source.ts` gives, without `source`. */
  readonly HeadKeys: new (
    keys: readonly string[],
    refuseEncryption?: boolean,
  ) => NativeHeadKeys
  /** Names of servers, in small letters, and of protocols, empty: any; ports, 0: any; and the place that each rule gives. */
  readonly RouteRules: new (
    serverNames: readonly string[],
    protocols: readonly string[],
    ports: Uint32Array,
    places: Uint32Array,
  ) => NativeRouteRules
  /** Absent where the native relay does not exist (not Linux). */
  readonly Relay?: new (
    threads: number,
  ) => NativeRelay
  /** Absent where {@link Relay} is. */
  readonly os?: NativeOs
  readonly fdBudget: NativeFdBudget
  readonly proxy: NativeProxy
  /** Canonical key text of an address under the prefixes, e.g. `192.0.2.0/24`; null: not an address. */
  keyText(address: string, ipv4Prefix: number, ipv6Prefix: number): string | null
  /** The port that the client of a socket connected to, before the packet filter sent it elsewhere; 0: it has none. Absent where {@link Relay} is. */
  destinationPort?(fd: number): number
  /** Locks an open file for this process (flock(2)), without waiting. Returns 0 or -errno. Absent where the system has no such locks. */
  lockFile?(fd: number): number
  /** Sets TCP_NODELAY, keepalive, TCP_DEFER_ACCEPT and TCP_FASTOPEN on a listening socket; accepted sockets inherit the first two. Returns 0 or -errno. Absent where {@link Relay} is. */
  setListenOptions?(
    fd: number,
    keepaliveIdle: number,
    keepaliveInterval: number,
    keepaliveCount: number,
    userTimeoutMs: number,
    deferAcceptSeconds: number,
    fastOpen: number,
  ): number
}

/** The addon, loaded at first use. */
export const native = (): NativeAddon => loadAddon()
