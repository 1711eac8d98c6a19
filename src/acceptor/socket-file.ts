import { lstatSync, unlinkSync } from 'node:fs'

/** The file of a unix socket that is open. Whoever has another one in its place keeps it. */
export class SocketFile {
  readonly path: string
  readonly #inode: bigint

  /** Of a socket that was just bound, or is known to be at its path. */
  constructor(path: string) {
    this.path = path
    this.#inode = lstatSync(path, { bigint: true }).ino
  }

  /** Before the socket is closed: nobody can have been given the number of its file meanwhile. */
  remove(): void {
    try {
      if (lstatSync(this.path, { bigint: true }).ino === this.#inode) unlinkSync(this.path)
    } catch (error) {
      // Somebody has removed it already. If it may not be removed, the next one to bind finds it stale.
      if (!LEFT_ALONE.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

const LEFT_ALONE = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS'])
