import type { AddressInfo } from 'node:net'
import type { NativeAddressFilter } from './address-filter.ts'
import type { NativeHeadKeys } from './head-keys.ts'
import type { NativePool } from './pool.ts'
import type { NativeRouteRules } from './routes.ts'

/** What {@link NativeRelay.handOver} did with the client. Everything but `taken`: it is refused, and counted. */
export const HandOver = { taken: 0, maxSessions: 1, fdBudget: 2, noAddress: 3, stopped: 4, denied: 5 } as const

/** What becomes of those who wait in the queue of a listen socket; the numbers are those of `native/relay/relay.h`. */
export const Unlisten = { serve: 0, reset: 1, leave: 2 } as const

/** Bytes of one session record of {@link NativeRelay.drainRecords}; the layout is in `native/relay/record.h` and `src/relay/record.ts`. */
export const RECORD_BYTES = 80

/** Bytes of one live session of {@link NativeRelay.surveyed}; the layout is in `native/relay/survey.h` and `src/relay/survey.ts`. */
export const SIGHT_BYTES = 96
/** Most of them at one time. */
export const SIGHTS_AT_ONCE = 512
/** There is no more to be seen of a thread. */
export const SURVEY_END = 0xffff_ffff

/** Where to listen, and how: see {@link NativeRelay.listen}. */
export type NativeListenPlace = [
  host: string,
  port: number,
  ipv6Only: boolean,
  backlog: number,
  deferAcceptSeconds: number,
  fastOpen: number,
]

/** Relay threads with their sessions (Linux). */
export interface NativeRelay {
  /** Makes a pool known to the relay; returns its id. Milliseconds; keepalive in seconds (0: off). */
  addPool(
    pool: NativePool,
    connectMs: number,
    idleMs: number,
    finMs: number,
    retries: number,
    keepaliveIdle: number,
    keepaliveInterval: number,
    keepaliveCount: number,
    userTimeoutMs: number,
    /** Where keys are, and what becomes of clients without one (a {@link KeyFallback}); undefined: their addresses are the keys. */
    headKeys?: NativeHeadKeys,
    fallback?: number,
    /** What tells the clients of a hot key apart; undefined: their ports, or their addresses. */
    hotBy?: NativeHeadKeys,
    isHotByAddress?: boolean,
  ): number
  /**
   * How backends of a pool are connected to; before a listener is made for it. `proxy`: a {@link SendProxy}; `tlvs`: the sum of
   * {@link PROXY_OUT_TLVS}; `transparent`: a {@link Transparent}; `sources`: IP addresses of this host.
   */
  setOutgoing(poolId: number, proxy: number, tlvs: number, transparent: number, sources: readonly string[]): void
  /**
   * Before anybody comes to the listener: its clients go to these pools, by the places that the rules give. The pool that it was
   * made with is the one whose keepalive its sockets begin with.
   */
  setRoutes(listenerId: number, rules: NativeRouteRules, poolIds: Uint32Array): void
  /**
   * Makes a listener known; returns its id. `maxSessions` 0: no limit of its own. `hasOptions`: sockets that are handed
   * over have TCP_NODELAY and keepalive from their listen socket ({@link NativeAddon.setListenOptions}); else each one is set.
   * `filter`: clients that it does not permit are closed at once. `predecessor`: the listener in whose place it will be,
   * whose sessions count for its `maxSessions`. `peekBytes`, `peekMs`: how far and how long heads are looked at.
   * `trust`: whose PROXY headers are taken, and a must, within `proxyMs`; undefined: clients come without.
   */
  addListener(
    poolId: number,
    maxSessions: number,
    hasOptions: boolean,
    filter?: NativeAddressFilter,
    predecessor?: number,
    peekBytes?: number,
    peekMs?: number,
    trust?: NativeAddressFilter,
    proxyMs?: number,
  ): number
  /**
   * Lets go of a pool. Nobody may be handed over for its listeners any more. False: sessions of it live still, or clients are
   * accepted for it.
   */
  letGo(poolId: number): boolean
  /**
   * Opens a listen socket for the listener, whose clients the relay's threads accept. `host`: an IP address, or `unix:` and
   * a path. `deferAcceptSeconds` (TCP_DEFER_ACCEPT) and `fastOpen` (TCP_FASTOPEN: length of its queue): 0 is off. Returns
   * 0 or -errno.
   */
  listen(listenerId: number, ...place: NativeListenPlace): number
  /** Takes a listen socket that {@link NativeOs.adopt} has made fit; it is the relay's from now on. Returns 0 or -errno. */
  adopt(listenerId: number, fd: number): number
  /** Takes a copy of the listen socket of another listener. Returns 0 or -errno. */
  share(listenerId: number, from: number): number
  /** Its descriptor, which stays the relay's; -1: there is none. */
  socket(listenerId: number): number
  /** Where that is bound; null: there is none, or it is a unix socket. */
  address(listenerId: number): AddressInfo | null
  /** Accepts from now on, those first who wait already. */
  accept(listenerId: number): void
  /** A step of closing the listen socket; `how` is an {@link Unlisten}. True: it is closed. */
  unlisten(listenerId: number, how: number): boolean
  /** Whether sessions that are accepted from now on write session records. */
  setRecord(listenerId: number, record: boolean): void
  /** How many sessions of the listener another relay carries; they count for its `maxSessions`. */
  setOthers(listenerId: number, sessions: number): void
  /**
   * Takes a client over: duplicates `fd` (the caller closes its own afterwards), learns the client's address and gives
   * the session to a thread. `head`: bytes that were already read from the socket; they go to the backend first.
   * `record`: write session records for this session. Returns a {@link HandOver} status.
   */
  handOver(listenerId: number, fd: number, head: Uint8Array | undefined, record: boolean): number
  /**
   * Takes a client over, as {@link handOver}, that has its place in the budget of descriptors and whose key is known. `key`: its
   * bytes; none: it has no key; `undefined`: its address is its key. `index` and `generation`: the backend that it names, if one.
   * `proxyHeader`: the whole one that came before, if one. `lookMs`: how long its head may be looked at still. False: it stays the
   * caller's, with its place.
   */
  passOn(
    listenerId: number,
    fd: number,
    head: Uint8Array | undefined,
    key: Uint8Array | undefined,
    waitedMs: number,
    lookMs: number,
    record: boolean,
    index?: number,
    generation?: number,
    proxyHeader?: Uint8Array,
  ): boolean
  /** Sessions that live now, those of its predecessors included; listenerId -1: of all listeners. */
  sessions(listenerId: number): number
  /** Closes every session (`endShutdown`); returns at once. Watch {@link sessions}. */
  cutSessions(): void
  readonly threads: number
  /**
   * Asks a thread for its live sessions, from a place of its own numbering on; {@link surveyed} has them a moment later.
   * -1: of any pool, or listener. False: it was asked already.
   */
  survey(thread: number, from: number, most: number, poolId: number, listenerId: number): boolean
  /**
   * Copies what was found (SIGHT_BYTES each) into `into`, which has room for SIGHTS_AT_ONCE; returns how many, -1: not
   * yet. `next[0]`: where to go on, or SURVEY_END.
   */
  surveyed(into: Uint8Array, next: Uint32Array): number
  /** Ends a session that was found (`endClosed`), by its place and its id, if it still lives; returns at once. */
  closeSession(thread: number, place: number, id: number): void
  /** Copies whole session records (RECORD_BYTES each, oldest first) into `into`; returns how many. */
  drainRecords(into: Uint8Array): number
  /** Rows of SESSION_COUNTERS columns, one row a thread; shared memory, read in place. Each row is padded to {@link counterStride} columns. */
  readonly counters: BigUint64Array
  readonly counterStride: number
  /** Cuts what is left, stops and joins the threads. Idempotent; bounded. */
  stop(): void
}

/** The fd budget of the process, shared by every relay in it (decision: 2 per session, one more during hand-over). */
export interface NativeFdBudget {
  /** Sets the limit from RLIMIT_NOFILE, the descriptors open now and a reserve; returns the limit. Only the first call counts. */
  init(): number
  /** Takes `n` descriptors from the budget; false: not enough left. */
  take(n: number): boolean
  give(n: number): void
  readonly used: number
  readonly limit: number
}

/** What becomes of clients without a key; the numbers are those of `native/relay/session.h`. */
export const KeyFallback = { source: 0, refuse: 1, random: 2 } as const

/** The PROXY protocol header that a backend gets; the numbers are those of `native/relay/outgoing.h`, as are those of the next two. */
export const SendProxy = { off: 0, v1: 1, v2: 2 } as const

/** What it says besides the addresses. */
export const PROXY_OUT_TLVS = { uniqueId: 1, crc32c: 2, authority: 4 } as const

/** Whether connections come from the client's address. */
export const Transparent = { off: 0, on: 1, port: 2 } as const
