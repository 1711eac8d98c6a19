import type { NativeSharing } from './exceptions.ts'
import type { NativeKeys, NativePins, NativeTableFile } from './table.ts'

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
export interface NativePool extends NativeSharing {
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
  /**
   * What others have, as told last, on the backend of each index: the bound, and nothing else, counts it as sessions of this
   * pool. All of the backends that are set now: those without an element have none.
   */
  setPeerSessions(sessions: Uint32Array): void
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
  /** Fills `[active, total, connectFailures, inherited, peers']` per backend index; returns how many indexes there are. */
  readBackends(into: Float64Array): number
  /**
   * Sets the element of each backend's index to its bound now, less what others have there, infinite where there is none;
   * leaves those alone that get no new clients.
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
  /** `[entries, capacity, bytes, seats, rosterNumber, outstandingPicks, waiting, hotKeys, exceptionsWaiting, exceptionsDropped]` */
  gauges(into: Float64Array): void
  /** Rows of {@link POOL_STRIDE} 64-bit counters, one row a thread; shared memory, read in place. */
  readonly counters: BigUint64Array
  /** Releases the native memory as soon as no relay uses it. Idempotent. */
  close(): void
}

export interface NativeExplanation {
  /** Canonical text of the key, e.g. `192.0.2.7/32`. */
  key: string
  /** Backend indexes in the key's order; first is home; empty: no backend of weight > 0. */
  order: Uint16Array
  /** Text of the key whose place its home is: with `ipv6Prefix: auto` the /56 that it is of. */
  homeKey: string
  /** Index of the backend that clients of that /56 were sent to who are not at home, or -1. */
  blockPin: number
  /** Index of the pinned backend, or -1. */
  pin: number
  /** Milliseconds until the pin expires; -1: no pin, or it is in use. */
  expiresInMs: number
  /** By its rule the key would go home with a connection now. */
  returns: boolean
  /** Where its clients are at home, as indexes, if the key is hot; empty: it is not. */
  places: Uint16Array
}
