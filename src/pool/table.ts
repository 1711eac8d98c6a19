import { setImmediate as nextTurn } from 'node:timers/promises'
import { optionsArgument } from '../arguments.ts'
import { LONGEST_TTL_MS } from '../config/duration.ts'
import type { Duration } from '../config/options.ts'
import { durationArgument } from '../core/arguments.ts'
import { argumentTypeError } from '../errors.ts'
import type { NativePins } from '../native.ts'
import type { PoolCore } from './core.ts'
import { badClient } from './decision.ts'
import { noTable, unknownBackend } from './refusals.ts'
import { exportLines, type ImportResult, importLines } from './table-lines.ts'

/** A pin: where the next session of a key goes, whatever its home is. */
export interface PinInfo {
  /** The address under the pool's prefixes, like `192.0.2.7/32`; `#` and hex digits: a key that is only kept as a hash. */
  key: string
  /** Name of the backend. */
  backend: string
  /** Whether that is not the key's home. */
  isAway: boolean
  /** Whether no connect of the key has succeeded yet: its first session is under way. */
  isProvisional: boolean
  /** Sessions of the key that live. */
  sessions: number
  /** Milliseconds since it was last used. */
  idleMs: number
  /** Milliseconds until it expires; absent: not while a session of the key lives. */
  expiresInMs?: number
}

/** Which pins; what is left out chooses among all. */
export interface PinFilter {
  /** Those to this backend. */
  backend?: string | undefined
  /** Only those that are not at home. */
  isAway?: boolean | undefined
}

/** A part of a table. */
export interface PinPage {
  pins: PinInfo[]
  /** Where the next part begins; absent: this was the last one. */
  next?: number
}

/** How long a pin holds. */
export interface PinOptions {
  /**
   * Until its first use, after which the table's own ttl holds; more than that one counts as that one.
   * @defaultValue the table's ttl
   */
  ttl?: Duration | undefined
}

/** What is known of a pin outside of the table that it was in. */
export interface SavedPin {
  key: string
  backend: string
  /** Absent: the whole ttl. */
  expiresInMs?: number | undefined
}

/** What became of saved pins. */
export interface SavedCounts {
  stored: number
  /** Nothing could be evicted for them. */
  full: number
  /** The pool has no such backend. */
  unknownBackend: number
  /** The key is none of this pool. */
  badKey: number
}

const AWAY = 1
const PROVISIONAL = 2
/** No table keeps an entry for longer. */
const TTL_RANGE = { min: 1000, max: LONGEST_TTL_MS }
/** Pins of one call of the addon, and of one turn of the event loop. */
const AT_ONCE = 512

/** The stick table of a pool; get it from {@link Pool.table}. Sessions go on, whatever is changed here. */
export class PoolTable {
  readonly #core: PoolCore
  readonly #assertChangeable: () => void

  /** @internal */
  constructor(core: PoolCore, assertChangeable: () => void) {
    this.#core = core
    this.#assertChangeable = assertChangeable
  }

  /** 16 hex digits of secret and prefixes: tables of equal ones have equal keys. */
  get keyDigest(): string {
    return this.#core.keyDigest
  }

  /**
   * The pin of a client; undefined: there is none.
   *
   * @param client - its IP address, or a key as {@link PinInfo.key} tells it
   * @throws {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`, `LIMPET_ERR_NO_TABLE`
   */
  get(client: string): PinInfo | undefined {
    const found = this.#native().pinOf(text('client', client))
    if (found === null) throw badClient(this.#core.name, client)
    return this.#pinsOf(found)[0]
  }

  /**
   * Pins a client to a backend, whatever its home is. False: the table is full, and nothing may be evicted for it.
   *
   * @param client - as for {@link PoolTable.get}
   * @throws {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`, `LIMPET_ERR_UNKNOWN_BACKEND`, `LIMPET_ERR_NO_TABLE`; a
   *   `RangeError` or `TypeError` for a bad ttl
   */
  set(client: string, backend: string, options: PinOptions = {}): boolean {
    const { ttl } = optionsArgument('options', options)
    const ms = ttl === undefined ? TTL_RANGE.max : durationArgument('options.ttl', ttl, TTL_RANGE)
    const place = this.#placeOf(text('backend', backend))
    this.#assertChangeable()
    const stored = this.#native().setPin(text('client', client), place.index, place.generation, ms)
    if (stored === -2) throw badClient(this.#core.name, client)
    return stored
  }

  /**
   * Forgets the pin of a client: its next session goes home. False: there was none.
   *
   * @param client - as for {@link PoolTable.get}
   * @throws {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`, `LIMPET_ERR_NO_TABLE`
   */
  delete(client: string): boolean {
    this.#assertChangeable()
    const erased = this.#native().erasePin(text('client', client))
    if (erased === -2) throw badClient(this.#core.name, client)
    return erased
  }

  /**
   * Forgets all pins, or those to one backend; pins that are made meanwhile may stay. Other work goes on between its parts.
   *
   * @returns how many there were
   * @throws {@link LimpetError} `LIMPET_ERR_UNKNOWN_BACKEND`, `LIMPET_ERR_NO_TABLE`
   */
  async clear(filter: Pick<PinFilter, 'backend'> = {}): Promise<number> {
    const { backend } = optionsArgument('filter', filter)
    let all = 0
    for (let cursor = 0; cursor >= 0; ) {
      const place = this.#chosen(backend)
      this.#assertChangeable()
      const { erased, next } = this.#native().erasePins(cursor, place?.index, place?.generation)
      all += erased
      cursor = next
      await nextTurn()
    }
    return all
  }

  /**
   * Pins, a part of the table at a time, in no order. Those that come or go meanwhile may be missing.
   *
   * @param from - 0, or {@link PinPage.next} of the part before
   * @param most - how many are wanted; up to six more may come, and fewer although there are others
   * @throws {@link LimpetError} `LIMPET_ERR_UNKNOWN_BACKEND`, `LIMPET_ERR_NO_TABLE`
   */
  page(from: number, most: number, filter: PinFilter = {}): PinPage {
    const { backend, isAway = false } = optionsArgument('filter', filter)
    const place = this.#chosen(backend)
    const { next, ...found } = this.#native().listPins(from, most, place?.index, place?.generation, isAway)
    return { pins: this.#pinsOf(found), ...(next < 0 ? {} : { next }) }
  }

  /**
   * All pins, in no order. Those that come or go meanwhile may be missing. Other work goes on between its parts.
   *
   * @throws as {@link PoolTable.page}
   */
  async *list(filter: PinFilter = {}): AsyncGenerator<PinInfo, void> {
    for (let from: number | undefined = 0; from !== undefined; ) {
      const { pins, next }: PinPage = this.page(from, AT_ONCE, filter)
      yield* pins
      from = next
      await nextTurn()
    }
  }

  /**
   * The pins as lines of JSON, without line feeds: one that says what it is, and one a pin. Pins of clients whose first
   * session is still connecting are left out.
   */
  export(): AsyncGenerator<string, void> {
    return exportLines(this.#core.name, this)
  }

  /**
   * Sets pins as {@link PoolTable.export} has written them, also those of another balancer with the same secret and
   * prefixes. Time that has gone by since counts; a line that cannot be used is told, and the others are taken.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_TABLE_IMPORT`: it is no export, or of other keys; nothing was changed
   */
  async import(lines: Iterable<string> | AsyncIterable<string>): Promise<ImportResult> {
    this.#native()
    return await importLines(lines, this.keyDigest, async pins => this.put(pins))
  }

  /** Sets pins that were taken from a table with the same {@link PoolTable.keyDigest}. */
  put(pins: readonly SavedPin[]): SavedCounts {
    this.#assertChangeable()
    const counts: SavedCounts = { stored: 0, full: 0, unknownBackend: 0, badKey: 0 }
    for (const pin of pins) counts[this.#put(pin)]++
    return counts
  }

  #put({ key, backend, expiresInMs = TTL_RANGE.max }: SavedPin): keyof SavedCounts {
    const place = this.#core.placeOf(backend)
    if (place === undefined) return 'unknownBackend'
    const ms = Math.min(expiresInMs, TTL_RANGE.max)
    const stored = this.#native().setPin(key, place.index, place.generation, ms)
    if (stored === -2) return 'badKey'
    return stored ? 'stored' : 'full'
  }

  #native(): PoolCore['native'] {
    const { native, settings, name } = this.#core
    if (settings.stickTable !== undefined) return native
    throw noTable(name)
  }

  #chosen(backend: string | undefined): Place | undefined {
    return backend === undefined ? undefined : this.#placeOf(text('filter.backend', backend))
  }

  #placeOf(backend: string): Place {
    this.#native()
    const place = this.#core.placeOf(backend)
    if (place === undefined) throw unknownBackend(this.#core.name, backend)
    return place
  }

  #pinsOf({ keys, backends, flags, sessions, idleMs, expiresInMs }: NativePins): PinInfo[] {
    return keys.map((key, at) => {
      const [live = 0, bits = 0, left = 0] = [sessions[at], flags[at], expiresInMs[at]]
      return {
        key,
        backend: this.#core.backendAt(backends[at] ?? -1).name,
        isAway: (bits & AWAY) !== 0,
        isProvisional: (bits & PROVISIONAL) !== 0,
        sessions: live,
        idleMs: idleMs[at] ?? 0,
        ...(live > 0 ? {} : { expiresInMs: Math.max(0, left) }),
      }
    })
  }
}

type Place = NonNullable<ReturnType<PoolCore['placeOf']>>

function text(name: string, value: string): string {
  if (typeof value === 'string') return value
  throw argumentTypeError(name, 'a string', value)
}
