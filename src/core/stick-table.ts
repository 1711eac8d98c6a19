import { randomBytes } from 'node:crypto'
import { optionsArgument } from '../arguments.ts'
import { LONGEST_TTL_MS } from '../config/duration.ts'
import type { Duration } from '../config/options.ts'
import { type NativeStickTable, native } from '../native.ts'
import { withTableMemory } from '../table-memory.ts'
import { durationArgument, integer, keyArgument, notAnAddress } from './arguments.ts'

/** What a {@link StickTable} is made of. */
export interface StickTableSettings {
  /** Entries that it holds, 1 to 100,000,000; allocated at once, about 20 bytes each. */
  size: number
  /** How long an entry stays after its last use, 1 second to 365 days: `'30m'`, or a number of milliseconds. */
  ttl: Duration
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

/** An entry of a {@link StickTable}. */
export interface StickTableEntry {
  /** The key: an address with its prefix, like `192.0.2.7/32`, or `#` and hex digits for a key that is only kept as a hash. */
  key: string
  /** What it was set to. */
  value: number
  /** Milliseconds until it expires. */
  expiresInMs: number
}

const TTL_RANGE = { min: 1000, max: LONGEST_TTL_MS }
const MOST_ENTRIES = 100_000_000
const MOST_VALUE = 16_382
const SECRET_BYTES = 192
const LISTED_AT_ONCE = 1024

/**
 * A fixed-size table from clients to small numbers, on its own: lazy expiry refreshed by use, and entries that came back
 * are not evicted by a flood of new ones. Loads the native addon.
 */
export class StickTable {
  readonly #native: NativeStickTable

  /**
   * @throws a `TypeError` or `RangeError` for a bad setting; {@link LimpetError} `LIMPET_ERR_NO_MEMORY`,
   *   `LIMPET_ERR_ADDON_LOAD`
   */
  constructor(settings: StickTableSettings) {
    const { size, ttl, ipv4Prefix = 32, ipv6Prefix = 64 } = optionsArgument('settings', settings)
    integer('size', size, 1, MOST_ENTRIES)
    integer('ipv4Prefix', ipv4Prefix, 1, 32)
    integer('ipv6Prefix', ipv6Prefix, 1, 128)
    const ms = durationArgument('ttl', ttl, TTL_RANGE)
    const { StickTable: NativeTable } = native()
    const make = (): NativeStickTable => new NativeTable(size, ms, randomBytes(SECRET_BYTES), ipv4Prefix, ipv6Prefix)
    this.#native = withTableMemory(size, make)
  }

  /** Entries, expired ones that were not reused included. */
  get size(): number {
    return this.#native.size
  }

  /** Most entries. */
  get capacity(): number {
    return this.#native.capacity
  }

  /** Memory, in bytes. */
  get bytes(): number {
    return this.#native.bytes
  }

  /**
   * The value of a key, whose time to live starts anew; undefined: there is none.
   *
   * @param key - an IP address as text, or 1 to 65,536 bytes of anything
   * @throws {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`; a `TypeError` or `RangeError` for what cannot be a key
   */
  get(key: string | Uint8Array): number | undefined {
    const value = this.#native.get(keyArgument(key))
    if (value < -1) throw notAnAddress(key)
    return value < 0 ? undefined : value
  }

  /**
   * Sets the value of a key. False: it was not stored, because nothing may be evicted for it.
   *
   * @param key - as for {@link StickTable.get}
   * @param value - a whole number from 0 to 16,382
   */
  set(key: string | Uint8Array, value: number): boolean {
    const status = this.#native.set(keyArgument(key), integer('value', value, 0, MOST_VALUE))
    if (status < 0) throw notAnAddress(key)
    return status === 0
  }

  /** Forgets a key. False: there was none, as for a text that is no address. */
  delete(key: string | Uint8Array): boolean {
    return this.#native.delete(keyArgument(key))
  }

  /** Forgets everything. */
  clear(): void {
    this.#native.clear()
  }

  /** The entries, in no order. Entries that come or go meanwhile may or may not be listed. */
  *entries(): Generator<StickTableEntry, void, undefined> {
    for (let cursor = 0; cursor >= 0; ) {
      const { next, keys, values, expiresInMs } = this.#native.list(cursor, LISTED_AT_ONCE)
      for (const [index, key] of keys.entries()) {
        yield { key, value: values[index] ?? 0, expiresInMs: expiresInMs[index] ?? 0 }
      }
      cursor = next
    }
  }

  /** {@link StickTable.entries}. */
  [Symbol.iterator](): Generator<StickTableEntry, void, undefined> {
    return this.entries()
  }

  /** Moves the table's clock forward, for simulations. Milliseconds. */
  advance(ms: number): void {
    this.#native.advance(integer('ms', ms, 0, Number.MAX_SAFE_INTEGER))
  }
}
