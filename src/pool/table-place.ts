import { existsSync, renameSync, rmSync } from 'node:fs'
import { nextOf } from './table-file.ts'

/** Where the file of a stick table is: in its place, or beside that while its place is another process's. */
export class TablePlace {
  #beside: string | undefined

  /** The file to open; undefined: the table is in memory. */
  path(file: string | undefined): string | undefined {
    return this.#beside ?? file
  }

  /** Before it is opened: its place is another process's, so that it begins beside it. */
  borrow(file: string): void {
    this.#beside = nextOf(file)
    // Of an attempt that was killed.
    rmSync(this.#beside, { force: true })
  }

  /**
   * The other process has left: its file gives way to the new one, in one step.
   *
   * @throws errors of `fs`
   */
  take(file: string): void {
    if (this.#beside === undefined) return
    // The other process may have done so.
    if (existsSync(this.#beside)) renameSync(this.#beside, file)
    this.#beside = undefined
  }

  /** The table is closed: what never came to its place is of no use. */
  close(): void {
    if (this.#beside !== undefined) rmSync(this.#beside, { force: true })
  }
}
