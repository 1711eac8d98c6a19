import type { AddressInfo } from 'node:net'
import { loadAddon } from './addon.ts'

/**
 * The typed face of the native addon: positional primitives and buffers only. Options are validated and
 * defaulted in TypeScript before anything here is called; native methods return a status (negative: `-errno`
 * or a {@link PickStatus}) where a user's input can cause it, and throw only for programming mistakes.
 */

/** Why a decision was made; the numbers are those of `native/core/reason.h` and index the counter rows. */
export const REASONS = ['pin', 'home', 'overflow', 'failover', 'redispatch', 'nokey', 'returned', 'cookie'] as const
export type Reason = (typeof REASONS)[number]

/** Slots of rendezvous: `kPlacementSlots` of `native/core/rendezvous.h`. */
export const PLACEMENT_SLOTS = 2 ** 20

/** Why there was no decision; the numbers are those of `native/core/reason.h`. */
export const PickStatus = {
  noBackend: -1,
  poolFull: -2,
  badAddress: -3,
  keySessions: -4,
  keyRate: -5,
  queueFull: -6,
} as const

/** A pick that waits for a seat is this less its handle; there is no lower status. */
export const WAITS = -16

/** Why a client waits no longer; the numbers are those of `native/core/pool.h`. */
export const WaitEnd = { timeout: 0, gone: 1, cut: 2 } as const

/** A backend that is wholly there; less, down to 1, while it warms up: `kFullRamp` in `native/core/roster.h`. */
export const FULL_RAMP = 2 ** 16

/** What a backend may serve, all things considered; numbers of `BackendState` in `native/core/roster.h`. */
export const NativeBackendState = { ready: 0, drain: 1, down: 2 } as const

/**
 * How a pick ended. `served`: its pin is confirmed, if it was not before. `failed`: its last connect failed, which counts
 * against the backend; a provisional pin is rolled back. `abandoned`: the client left first; rolled back, nobody is blamed.
 * `reset`: as `served`, and the backend reset it in its first moments, before it had sent anything.
 */
export const Outcome = { served: 0, failed: 1, abandoned: 2, reset: 3 } as const

/** A pick, packed into one double: `handle · 2^20 + backendIndex · 2^4 + reason`; negative: a {@link PickStatus}. */
export type PackedPick = number

/** A pool: backends (registry), rosters, placement, bounds, stick table and picker. */
export interface NativePool {
  /**
   * Stages a backend (added if the name is new, else changed). Returns `generation · 2^16 + index`: the index that picks
   * name, and which of its owners this is; or -1: too many backends. Visible after {@link publish}.
   */
  setBackend(
    name: string,
    weight: number,
    maxSessions: number,
    state: number,
    host: string,
    port: number,
    backup?: boolean,
    ramp?: number,
  ): number
  /** Stages the removal of a backend. False: there is no such backend. */
  removeBackend(name: string): boolean
  /**
   * So many sessions of another process are on a backend, at most 2^22: they count in its load. False: there is no such
   * backend.
   */
  inherit(name: string, sessions: number): boolean
  /** Publishes what was staged as one new roster; returns its number. */
  publish(): number
  /**
   * Other numbers than those that it was made with, for picks from now on: c · 1000 of the bound, and
   * of `limits` those that can change: the list that it was made with, whose queue is not looked at.
   */
  setLimits(boundMilli: number, limits: Uint32Array): void
  /**
   * Picks for a textual IP address, or the bytes of a key; takes a seat and a provisional pin. `undefined`: a client without address (`nokey`).
   * `mayWait`: where the pool is full and has a queue, the answer may be {@link WAITS} less the handle. `index`, `generation`: a
   * backend that the session itself names, followed like a pin (reason `cookie`, no pin is touched) where that can be.
   * `by`: what tells the client apart from others with its key, should that be hot; a port, its address, or bytes.
   */
  pick(
    client: string | Uint8Array | undefined,
    mayWait?: boolean,
    index?: number,
    generation?: number,
    by?: number | string | Uint8Array,
  ): PackedPick
  /** Whether the key of a client is hot, so that its clients are told apart. */
  isSpread(client: string | Uint8Array): boolean
  /** A learnt key has a pin that can be followed now: pick by it. If not, the session has no such key. */
  knows(key: Uint8Array): boolean
  /** Pins a learnt key to the backend of a handle, as long from now on as a pin lasts. */
  learn(key: Uint8Array, handle: number): void
  /** Picks may wait from now on; `call` is told the handle whose turn it is. Once, and only where the pool has a queue. */
  onTurn(call: (handle: number) => void): void
  /** It is the turn of a handle that waits: a pick, or the same as before, since others took its seat. */
  takeTurn(handle: number): PackedPick
  /** A handle waits no longer; `end` is a {@link WaitEnd}. {@link release} follows. */
  stopWaiting(handle: number, end: number): void
  /** The last try failed: gives its seat back and picks the next backend; as with {@link pick}, it may wait, where {@link onTurn} was called. `localFailure`: the cause was this host (EADDRNOTAVAIL), the pin stays. `isBlameless`: it was not tried at all, and gets no blame. The handle stays valid until {@link release}, also when this returns a status. */
  redispatch(handle: number, localFailure: boolean, isBlameless?: boolean): PackedPick
  /**
   * After a pick or a redispatch, where backends take new sessions at a rate: milliseconds to wait before the connect; -1:
   * longer than `mostMs`.
   */
  admit(handle: number, mostMs: number): number
  /** After such a wait: false where the backend serves nobody any more. */
  servesStill(handle: number): boolean
  /** A connect succeeded: the pin is confirmed and follows to where the client is. */
  confirm(handle: number): void
  /** The backend has sent something: what was reset before is no row any more. */
  answered(handle: number): void
  /** Gives the seat back; `outcome` is an {@link Outcome}. The handle is invalid afterwards. */
  release(handle: number, outcome: number): void
  /** Explains without changing anything. Null: not an IP address. */
  explain(client: string | Uint8Array): NativeExplanation | null
  /**
   * Where a client belongs: its key, the index of its home (-1: there is none), and whether that would take a session of it
   * now, if `coming` others were there already. Null: not an IP address, or its key is hot and has several homes.
   */
  placeOf(address: string, coming: number): { key: string; home: number; hasRoom: boolean } | null
  /** Home of every line (LF separated addresses) of `input` as `address home` lines; a malformed line gives `address !`. Only whole lines are consumed. */
  homes(input: Uint8Array): { output: Buffer; consumed: number; malformed: number }
  /** Fills `[active, total, connectFailures, inherited]` per backend index; returns how many indexes there are. */
  readBackends(into: Float64Array): number
  /**
   * Sets the element of each backend's index to its bound now, infinite where there is none; leaves those alone that get no
   * new clients.
   */
  readBounds(into: Float64Array): void
  /**
   * Fills `[connects, resets]` per backend index: the longest row, since the last time, of connects that failed, and of
   * sessions that were reset in their first moments; 0 if it was shorter than `atLeast`.
   */
  takeFailures(into: Float64Array, atLeast: number): void
  /**
   * Adds to each element the pins to the backend of that index, as far as they are in `mostBuckets` buckets of the table,
   * spread evenly; returns which share of the table that was.
   */
  countPins(into: Float64Array, mostBuckets: number): number
  /**
   * Pins of the stick table from a cursor on, at most `most` and a bucket's worth, those to one backend of the roster (by
   * its index and generation) or to any (`undefined`); `next` is -1 at the end, and there may be more although there are
   * none here.
   */
  listPins(
    cursor: number,
    most: number,
    index: number | undefined,
    generation: number | undefined,
    awayOnly: boolean,
  ): NativePins & { next: number }
  /** The pin of an address, or of a key as it is listed: one or none. Null: it is no key. */
  pinOf(key: string): NativePins | null
  /** Pins a key to a backend, for this time or the table's, whichever is less. False: not stored; -2: it is no key. */
  setPin(key: string, index: number, generation: number, ttlMs: number): boolean | -2
  /** False: there was no pin; -2: it is no key. */
  erasePin(key: string): boolean | -2
  /** Erases pins from a cursor on, as {@link listPins} goes. */
  erasePins(cursor: number, index: number | undefined, generation: number | undefined): { erased: number; next: number }
  /**
   * Looks at one of {@link KEY_PARTS} parts of the keys that have live sessions: the `most` busiest ones, and who of whom is
   * where. A pool without a stick table has none.
   */
  surveyKeys(part: number, most: number): NativeKeys
  /** What became of the file of the table; null: it has none. */
  tableFile(): NativeTableFile | null
  /** All backends are set that there were before: pins that came back from the file, to others, are forgotten. */
  forgetAbsent(): void
  /** Once a second, and before the end: keeps the file of the table fit for a sudden one. Nothing without a file. */
  keepTable(): void
  /** `[entries, capacity, bytes, seats, rosterNumber, outstandingPicks, waiting]` */
  gauges(into: Float64Array): void
  /** Rows of {@link POOL_STRIDE} 64-bit counters, one row a thread; shared memory, read in place. */
  readonly counters: BigUint64Array
  /** Releases the native memory as soon as no relay uses it. Idempotent. */
  close(): void
}

/** What a file was that is to be that of a stick table; the numbers are those of `TableFound` in `native/core/table_file.h`. */
export const TABLE_FOUND = ['nothing', 'table', 'foreign', 'version', 'damaged', 'otherSize'] as const
export type TableFound = (typeof TABLE_FOUND)[number]

/** What became of the file of a stick table when it was opened. */
export interface NativeTableFile {
  /** Which opening this is; 1: it was made. */
  generation: number
  /** Number of a {@link TableFound}: what was in its place and is set aside; 0: nothing was. */
  replaced: number
  /** What the name ends in that this has now. */
  aside: string
  /** Pins that came back. */
  restored: number
  /** Pins whose backend is gone, or whose keys are made in another way now. */
  dropped: number
  /** Buckets (7 entries) that were half written, or are damaged: cleared. */
  torn: number
}

/** Parts of {@link NativePool.surveyKeys}; the number of `native/core/live_keys.h`. */
export const KEY_PARTS = 64

/** Keys that have live sessions. Backends are indexes; a home of -1: there is none. */
export interface NativeKeys {
  /** How many, without those that are spread. */
  keys: number
  /** Most sessions first; `shares`: pairs of a backend and the sessions there. */
  hottest: { key: string; sessions: number; home: number; shares: Float64Array }[]
  /** Those that are spread over several backends: each once for each of these. Not among the hottest. */
  spread: NativeKeys['hottest']
  /** Triples of a home, a backend, and the sessions on it of keys that are at home there. */
  places: Float64Array
}

/** Pins; the arrays are as long as each other. */
export interface NativePins {
  /** As `192.0.2.7/32`; `#` and hex digits: only kept as a hash. */
  keys: string[]
  /** Indexes. */
  backends: Float64Array
  /** 1: not at home; 2: no connect of the key has succeeded yet. */
  flags: Float64Array
  /** Sessions of the key that live. */
  sessions: Float64Array
  /** Since it was last used. */
  idleMs: Float64Array
  /** Negative: past its ttl, kept by a session. */
  expiresInMs: Float64Array
}

export interface NativeExplanation {
  /** Canonical text of the key, e.g. `192.0.2.7/32`. */
  key: string
  /** Backend indexes in the key's order; first is home; empty: no backend of weight > 0. */
  order: Uint16Array
  /** Index of the pinned backend, or -1. */
  pin: number
  /** Milliseconds until the pin expires; -1: no pin, or it is in use. */
  expiresInMs: number
  /** By its rule the key would go home with a connection now. */
  returns: boolean
  /** Where its clients are at home, as indexes, if the key is hot; empty: it is not. */
  places: Uint16Array
}

/**
 * Counters of sessions, one 64-bit column each; the order is that of `native/relay/counters.h`. The stream relay
 * keeps the same columns, so that figures do not depend on the relay. At any time
 * `accepted = live sessions + Σ refused… + Σ end…`.
 */
export const SESSION_COUNTERS = [
  'accepted',
  'opened',
  'bytesToBackend',
  'bytesToClient',
  'endFinished',
  'refusedMaxSessions',
  'refusedFdBudget',
  'refusedNoAddress',
  'refusedNoBackend',
  'refusedPoolFull',
  'refusedKeySessions',
  'refusedKeyRate',
  'refusedAdmission',
  'refusedQueueFull',
  'refusedQueueTimeout',
  'refusedDenied',
  'refusedNoKey',
  'refusedNoRoute',
  'refusedProxyUntrusted',
  'refusedProxyInvalid',
  'refusedProxyTimeout',
  'refusedTls',
  'endClientReset',
  'endBackendReset',
  'endClientGone',
  'endIdleTimeout',
  'endFinTimeout',
  'endShutdown',
  'endClosed',
  'endError',
  'connectRefused',
  'connectUnreachable',
  'connectTimeout',
  'connectNoLocalPort',
  'connectSelf',
  'connectOther',
  'connectTls',
  'recordsDropped',
  'acceptPaused',
  'bytesSpliced',
  'pipesRefused',
  'pipesSmall',
  'spliceFallbacks',
  'keyFound',
  'keyMissing',
  'keyLate',
  'keyTooFar',
  'keyFailed',
  'cookiesSet',
  'cookiesLearnt',
  'cookiesUnread',
] as const
export type SessionCounter = (typeof SESSION_COUNTERS)[number]

/** Counters of a pool's picks, one 64-bit column each; the order is that of `native/core/counters.h`. The first seven are {@link REASONS}. */
export const POOL_COUNTERS = [
  ...REASONS,
  'noBackend',
  'poolFull',
  'tableHits',
  'tableMisses',
  'tableInserted',
  'tableEvictedExpired',
  'tableEvictedHome',
  'tableEvictedAway',
  'tableEvictedAged',
  'tableRejected',
  'keySessions',
  'keyRate',
  'keyRateShared',
  'held',
  'waited',
  'waitedMs',
  'queueTimeouts',
  'queueFull',
  'queueLeft',
  'spread',
] as const
export type PoolCounter = (typeof POOL_COUNTERS)[number]

/** Columns of a row of them: whole cache lines of eight. */
export const POOL_STRIDE = Math.ceil(POOL_COUNTERS.length / 8) * 8

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
  listen(
    listenerId: number,
    host: string,
    port: number,
    ipv6Only: boolean,
    backlog: number,
    deferAcceptSeconds: number,
    fastOpen: number,
  ): number
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

/** Parts of the core for other uses; see `Placement` in `src/core/placement.ts`. */
export interface NativePlacement {
  /** Index (into the constructor's names) of the home of an address, -1: no backend, -2: not an address. */
  home(address: string): number
  /** Index of the home of arbitrary bytes (up to 64 KiB). */
  homeOfBytes(key: Uint8Array): number
  /** The whole order of an address, best first; null: not an address. */
  order(address: string): Uint16Array | null
  orderOfBytes(key: Uint8Array): Uint16Array
  /** Share of the slots (rendezvous) or of the circle (ring) each backend is home of; walks everything, may take 100 ms and more. */
  shares(): Float64Array
  /**
   * Homes (indexes; 65,535: none) of `count` places, spread evenly over the key space; 2^20 are all slots of rendezvous.
   */
  homes(count: number): Uint16Array
}

/** A stick table on its own; see `StickTable` in `src/core/stick-table.ts`. Keys are addresses (masked by the prefixes) or bytes. */
export interface NativeStickTable {
  /** Value (0…16382) pinned for the key, refreshed by this use; -1: none; -2: not an address. */
  get(key: string | Uint8Array): number
  /** Pins the key. Returns 0 stored, 1 refused (nothing may be evicted), -2 not an address. */
  set(key: string | Uint8Array, value: number): number
  delete(key: string | Uint8Array): boolean
  clear(): void
  /** Up to `max` entries from a cursor: `{ next, keys, values, expiresInMs }`, next is -1 at the end. Hashed keys are listed as `#hex`. */
  list(cursor: number, max: number): { next: number; keys: string[]; values: Uint16Array; expiresInMs: Float64Array }
  /** Sets the clock's offset in ms, for simulations: the table's time is monotonic time + offset. */
  advance(ms: number): void
  readonly size: number
  readonly capacity: number
  readonly bytes: number
}

/** What of the operating system Node does not give (Linux). Descriptors are plain numbers; negative results are `-errno`. */
export interface NativeOs {
  /**
   * Sends bytes (one at least) over a unix socket, and copies of at most 253 descriptors along with them; returns how many
   * bytes were sent.
   */
  send(socket: number, bytes: Uint8Array, descriptors: Uint32Array): number
  /**
   * Receives from a unix socket what is there: bytes, and descriptors, which are the caller's from now on; `count[0]` is how
   * many. Returns how many bytes; 0: the other side has ended it. Never waits: `-EAGAIN`.
   */
  receive(socket: number, bytes: Uint8Array, descriptors: Uint32Array, count: Uint32Array): number
  /** The process at the other side of a unix socket: when it connected, or when it began to listen. */
  peer(socket: number): PeerProcess | number
  /** Makes a listen socket that another process opened fit for use here. Returns 0; `-EINVAL`: it does not listen. */
  adopt(fd: number, backlog: number): number
  /** Another descriptor of the same socket, the caller's. */
  duplicate(fd: number): number
  /** Path of the file of a unix socket; empty: it is another kind, or has none. */
  unixPath(fd: number): Buffer
  /** A unix socket that listens; its file is the caller's to remove. */
  openUnix(path: string, backlog: number): number
  /** A TCP socket that listens, without the options of a listener. `host`: an IP address. */
  openTcp(host: string, port: number, ipv6Only: boolean, backlog: number): number
  /** A user by name, or by number as text; `gid` is that of its primary group. Undefined: there is none. */
  user(name: string): { name: string; uid: number; gid: number } | undefined
  /** The number of a group, by name. Undefined: there is none. */
  group(name: string): number | undefined
  /** Whether this process may connect from addresses that are not this host's (IP_TRANSPARENT). Returns 0 or -errno. */
  transparent(): number
  /** For every thread. Returns 0 or -errno: only for this thread, and those that it starts. */
  noNewPrivileges(): number
  /** Sends a datagram to the socket that NOTIFY_SOCKET names. */
  notify(socket: string, text: string): number
}

/** A process, and for whom it runs. */
export interface PeerProcess {
  pid: number
  uid: number
  gid: number
}

/**
 * What {@link NativeHeadKeys.find} says instead of a key: it wants more bytes; there is none; there might be one further on; it is
 * the address that the PROXY header names.
 */
export const HeadVerdict = { more: 0, missing: 1, cutShort: 2, address: 3 } as const

/** What becomes of clients without a key; the numbers are those of `native/relay/session.h`. */
export const KeyFallback = { source: 0, refuse: 1, random: 2 } as const

/** The PROXY protocol header that a backend gets; the numbers are those of `native/relay/outgoing.h`, as are those of the next two. */
export const SendProxy = { off: 0, v1: 1, v2: 2 } as const

/** What it says besides the addresses. */
export const PROXY_OUT_TLVS = { uniqueId: 1, crc32c: 2, authority: 4 } as const

/** Whether connections come from the client's address. */
export const Transparent = { off: 0, on: 1, port: 2 } as const

/** Looks for keys in the first bytes of clients. */
export interface NativeHeadKeys {
  /**
   * The key, a backend that the client names, or a {@link HeadVerdict}. `ended`: no more bytes will come. `pool`: who knows the
   * keys that are learnt, and the addresses of backends. `proxyHeader`: what came before the head, if anything.
   */
  find(
    head: Uint8Array,
    ended: boolean,
    pool: NativePool | undefined,
    proxyHeader?: Uint8Array,
  ): Buffer | NativeNamed | number
  /** Whether a client of PostgreSQL asks for encryption, and that is to be refused: an {@link EncryptionRequest}. */
  encryptionRequest(head: Uint8Array): number
  /** Whether one of the keys is learnt from what backends answer. */
  readonly learns: boolean
  /** Of the first bytes of an answer: the session of TLS that it names, or a {@link HeadVerdict}. */
  sessionOf(answer: Uint8Array): Buffer | number
}

/** A backend that a client names itself, as {@link NativePool.pick} takes it. */
export interface NativeNamed {
  index: number
  generation: number
  /** What decides where it cannot be followed; undefined: the fallback does. {@link HeadVerdict}`.address`: the address does. */
  key?: Buffer | number
}

/** The numbers are those of `native/protocol/postgres.h`. */
export const EncryptionRequest = { none: 0, more: 1, tls: 2, gss: 3 } as const
/** How long one is; it is answered by one byte. */
export const ENCRYPTION_REQUEST_BYTES = 8

/** What {@link NativeRouteRules.choose} says where no rule holds: one could with more bytes; there is none. */
export const RouteVerdict = { more: -1, none: -2 } as const

/** Chooses among several services by what a client asks for. */
export interface NativeRouteRules {
  readonly asksForHead: boolean
  readonly asksForPort: boolean
  /** The place of the first rule that holds, or a {@link RouteVerdict}. `ended`: no more bytes will come. `port` 0: it has none. */
  choose(head: Uint8Array, ended: boolean, port: number): number
  /** As `choose`, of a client whose TLS was ended: by the name that it asked for and the protocol that was agreed on, empty where there is none. */
  chooseFor(serverName: string, protocol: string, port: number): number
}

/** Networks that are allowed and denied, as sorted ranges. */
export interface NativeAddressFilter {
  /** Whether a textual IP address is permitted; anything else is not. */
  permits(address: string): boolean
}

/** The PROXY protocol; see `src/protocol/proxy.ts`. Commands are 0 (local) and 1, transports 0 (unspecified), 1 (stream) and 2. */
export interface NativeProxy {
  /** Of the first bytes of a connection: the header; 0: more are needed; negative: the number of a fault. `most`: longest header of version 2. */
  decode(head: Uint8Array, most: number): NativeProxyHeader | number
  /**
   * Writes a header into `into`; returns how many bytes it has, 0: there is no room for it. `paths`: of unix sockets, 108
   * bytes each, or none. `tlvHeads`: type and length of each; `tlvValues`: one behind the other.
   */
  encode(
    into: Uint8Array,
    version: number,
    command: number,
    transport: number,
    source: string | undefined,
    sourcePort: number,
    destination: string | undefined,
    destinationPort: number,
    paths: Uint8Array,
    tlvHeads: Uint32Array,
    tlvValues: Uint8Array,
    checksum: boolean,
  ): number
  /** What a fault is, in one sentence without its full stop. */
  faultText(fault: number): string
}

/** A PROXY protocol header. */
export interface NativeProxyHeader {
  /** Bytes of it. */
  length: number
  version: number
  command: number
  transport: number
  /** An IP address, or the 108 bytes of a path; absent: it names nobody. */
  source?: string | Buffer
  sourcePort?: number
  destination?: string | Buffer
  destinationPort?: number
  /** Type, place in the head and length of each. */
  tlvs: Float64Array
}

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
