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
