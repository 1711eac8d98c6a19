import type { ResolvedPool } from '../config/resolved.ts'
import type { Log } from '../log/log.ts'
import { type NativePool, type NativeTableFile, TABLE_FOUND, type TableFound } from '../native.ts'

/** What a file was, in words. */
export const FOUND_WORDS: Readonly<Record<TableFound, string>> = {
  nothing: 'it is not there',
  table: 'it is a stick table',
  foreign: 'it is no stick table',
  version: 'it is of another version of Limpet, or of another kind of machine',
  damaged: 'it is damaged',
  otherSize: 'it has another size than stickTable.size',
}

/** Figures of the file of a stick table; all but `generation` tell how it was opened. */
export interface TableFileStats {
  /** How often it was opened; 1: it is new. */
  generation: number
  /** Pins that came back from it. */
  restored: number
  /** Pins in it that were dropped: their backend is gone, or keys are made in another way now. */
  dropped: number
  /** Buckets, of 7 entries each, in which nothing was believed: they were half written, or are damaged. */
  torn: number
  /** Files that were renamed because they were not to be believed: 0 or 1. */
  setAside: number
}

/** Once a second, so that after a loss of power ages are known to a second. */
const KEEP_MS = 1000

/** Where the file of a process is that takes the place of one which still has that. */
export function nextOf(file: string): string {
  return `${file}.next`
}

/** The file of a pool's stick table, while it is open. */
export class TableFile {
  readonly path: string
  readonly #pool: string
  readonly #native: NativePool
  readonly #timer: NodeJS.Timeout
  #isTold = false

  private constructor(path: string, pool: string, native: NativePool) {
    this.path = path
    this.#pool = pool
    this.#native = native
    this.#timer = setInterval(() => native.keepTable(), KEEP_MS).unref()
  }

  /** Undefined: the pool has no table in a file. */
  static of(native: NativePool, { name, stickTable }: ResolvedPool): TableFile | undefined {
    const file = stickTable?.file
    return file === undefined ? undefined : new TableFile(file, name, native)
  }

  get stats(): TableFileStats {
    const { generation, restored, dropped, torn, replaced } = this.#opened()
    return { generation, restored, dropped, torn, setAside: Number(replaced !== 0) }
  }

  /** The backends are complete: forgets pins to others, and tells in the log what came back. Once. */
  settle(log: Log): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#native.forgetAbsent()
    const { generation, restored, dropped, torn, replaced, aside } = this.#opened()
    const [pool, file] = [this.#pool, this.path]
    if (replaced !== 0) {
      const reason = FOUND_WORDS[TABLE_FOUND[replaced] ?? 'foreign']
      log.error({ pool, file, aside: `${file}${aside}`, reason }, 'the file of the stick table is set aside')
    }
    if (generation === 1) log.info({ pool, file }, 'the stick table has a new file')
    else log.info({ pool, file, generation, restored, dropped, torn }, 'the stick table is back')
  }

  /** The pool is about to be closed. */
  close(): void {
    clearInterval(this.#timer)
    this.#native.keepTable()
  }

  #opened(): NativeTableFile {
    const opened = this.#native.tableFile()
    if (opened === null) throw new RangeError(`the stick table of the pool ${this.#pool} has no file`)
    return opened
  }
}
