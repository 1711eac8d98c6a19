import { stat } from 'node:fs/promises'
import { looksOf, type TlsFile } from '../config/tls-files.ts'

/** Files of which somebody wants to know when they are others than those that were read. */
export class FilesOnDisk {
  /** Absolute, each once. */
  readonly paths: readonly string[]
  /** What they looked like when they were read. */
  #read: string
  /** … when they were looked at the last time. */
  #seen: string

  constructor(files: readonly TlsFile[]) {
    const looks = new Map(files.map(file => [file.path, file.looks()]))
    this.paths = [...looks.keys()]
    this.#read = [...looks.values()].join('\n')
    this.#seen = this.#read
  }

  /**
   * Whether they are to be read again: they have changed, and do so no longer, since a certificate and its key are seldom put
   * there in one step. Whoever is told so once is told again when they have changed again.
   */
  async haveChanged(): Promise<boolean> {
    const now = (await Promise.all(this.paths.map(looksNow))).join('\n')
    const isStill = now === this.#seen
    this.#seen = now
    if (!isStill || now === this.#read) return false
    this.#read = now
    return true
  }
}

async function looksNow(path: string): Promise<string> {
  try {
    return looksOf(await stat(path))
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
