import { z } from 'zod'
import { LimpetError } from '../errors.ts'
import type { PinInfo, SavedCounts, SavedPin } from './table.ts'

/** One line of an export that could not be used. */
export interface ImportProblem {
  /** From 1. */
  line: number
  message: string
}

/** What became of the lines of an export. */
export interface ImportResult extends SavedCounts {
  /** Their time was over. */
  expired: number
  /** Lines that are no pins. */
  malformed: number
  /** What was wrong with the first of them. */
  problems: ImportProblem[]
}

/** Sets pins, however far away the table is. */
export type PutPins = (pins: readonly SavedPin[]) => Promise<SavedCounts>

/** Pins that are set at a time. */
export const PINS_AT_ONCE = 250
/** Of their lines: less than a body that the admin API takes (64 KiB). */
const BYTES_AT_ONCE = 56 * 1024
/** By which a pin is longer than its line at the most: a number that is written out. */
const MORE_BYTES = 32
const MOST_PROBLEMS = 20
/** No line of an export is longer: a key has 43 characters, a name 128. */
const MOST_CHARACTERS = 1024

const FORMAT = 1
const headerSchema = z.object({
  limpet: z.literal('stick table'),
  format: z.literal(FORMAT),
  keyDigest: z.string(),
  at: z.iso.datetime(),
})
const pinSchema = z.object({
  key: z.string().min(1).max(64),
  backend: z.string().min(1),
  expiresInMs: z.number().nonnegative().optional(),
})

/** What an export needs of a table. */
export interface ExportedTable {
  readonly keyDigest: string
  list(): AsyncIterable<PinInfo>
}

/** See {@link PoolTable.export}. */
export async function* exportLines(pool: string, table: ExportedTable): AsyncGenerator<string, void> {
  const { keyDigest } = table
  const at = new Date().toISOString()
  yield JSON.stringify({ limpet: 'stick table', format: FORMAT, pool, keyDigest, at })
  for await (const { key, backend, expiresInMs, isProvisional } of table.list()) {
    if (!isProvisional) yield JSON.stringify({ key, backend, expiresInMs })
  }
}

/** See {@link PoolTable.import}. `keyDigest`: of the table that `put` sets pins of. */
export async function importLines(
  lines: Iterable<string> | AsyncIterable<string>,
  keyDigest: string,
  put: PutPins,
): Promise<ImportResult> {
  const importer = new Importer(keyDigest, put)
  for await (const line of lines) await importer.take(line)
  return await importer.end()
}

class Importer {
  readonly #keyDigest: string
  readonly #put: PutPins
  readonly #result: ImportResult = {
    stored: 0,
    full: 0,
    unknownBackend: 0,
    badKey: 0,
    expired: 0,
    malformed: 0,
    problems: [],
  }
  #line = 0
  /** Milliseconds since the export began; undefined: its header has not come. */
  #ageMs: number | undefined
  #waiting: SavedPin[] = []
  #bytes = 0

  constructor(keyDigest: string, put: PutPins) {
    this.#keyDigest = keyDigest
    this.#put = put
  }

  async take(line: string): Promise<void> {
    this.#line++
    if (line.trim() === '') return
    const value = parse(line)
    if (this.#ageMs === undefined) {
      this.#ageMs = this.#ageOf(value)
      return
    }
    const pin = this.#pinOf(value, this.#ageMs)
    if (pin === undefined) return
    const bytes = Buffer.byteLength(line) + MORE_BYTES
    if (this.#waiting.length === PINS_AT_ONCE || this.#bytes + bytes > BYTES_AT_ONCE) await this.#flush()
    this.#waiting.push(pin)
    this.#bytes += bytes
  }

  async end(): Promise<ImportResult> {
    if (this.#ageMs === undefined) throw notAnExport('it has no lines')
    await this.#flush()
    return this.#result
  }

  #ageOf(value: unknown): number {
    const header = headerSchema.safeParse(value)
    if (!header.success) throw notAnExport(`its first line is not the one of "limpet table export", format ${FORMAT}`)
    if (header.data.keyDigest !== this.#keyDigest) {
      throw notAnExport('it is of a pool with another secret or other prefixes, whose keys are others')
    }
    // Clocks of two machines may differ.
    return Math.max(0, Date.now() - Date.parse(header.data.at))
  }

  /** Undefined: it is none that could be set, and was counted. */
  #pinOf(value: unknown, ageMs: number): SavedPin | undefined {
    const pin = pinSchema.safeParse(value)
    if (!pin.success) {
      this.#result.malformed++
      if (this.#result.problems.length < MOST_PROBLEMS) {
        this.#result.problems.push({
          line: this.#line,
          message: 'it is no pin: {"key": …, "backend": …, "expiresInMs": …}',
        })
      }
      return undefined
    }
    const { expiresInMs } = pin.data
    if (expiresInMs === undefined) return pin.data
    if (expiresInMs > ageMs) return { ...pin.data, expiresInMs: expiresInMs - ageMs }
    this.#result.expired++
    return undefined
  }

  async #flush(): Promise<void> {
    const pins = this.#waiting
    this.#waiting = []
    this.#bytes = 0
    if (pins.length === 0) return
    const counts = await this.#put(pins)
    for (const name of Object.keys(counts) as (keyof SavedCounts)[]) this.#result[name] += counts[name]
  }
}

/** Undefined: it is no JSON, or too long to be a line of an export. */
function parse(line: string): unknown {
  if (line.length > MOST_CHARACTERS) return undefined
  try {
    return JSON.parse(line)
  } catch {
    // The caller counts the line.
    return undefined
  }
}

function notAnExport(why: string): LimpetError {
  return new LimpetError('LIMPET_ERR_TABLE_IMPORT', `this cannot be imported: ${why}`)
}
