import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { constants as system } from 'node:os'
import { LimpetError, systemError } from '../errors.ts'
import { native } from '../native.ts'

const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
const { EWOULDBLOCK, EAGAIN, ENOLCK, EOPNOTSUPP, ENOSYS } = system.errno
/** Each further try needs another owner that gave the file up in between. */
const MOST_TRIES = 10
const LONGEST_PID = 20

/** What became of an attempt. `unlockable`: this file system has no locks. */
export type Attempt = { lock: FileLock } | { owner: string } | 'unlockable'

/**
 * A lock of this process on a file that is there for nothing else (flock(2)). The system gives it back when the process ends,
 * however it ends, and other hosts of a container's volume, where a process number says nothing, see it, too.
 */
export class FileLock {
  readonly #path: string
  readonly #fd: number

  private constructor(path: string, fd: number) {
    this.#path = path
    this.#fd = fd
  }

  /**
   * Takes it at once, or not at all.
   *
   * @returns the lock; or the `owner`, its process number as far as it is known, empty otherwise
   * @throws errors of `fs`
   */
  static take(path: string): Attempt {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const attempt = tryOnce(path)
      if (attempt !== 'gone') return typeof attempt === 'number' ? { lock: new FileLock(path, attempt) } : attempt
    }
    return { owner: '' }
  }

  /** Gives it back, and removes the file. Once. */
  release(): void {
    try {
      // As long as it is locked it is nobody else's.
      unlinkSync(this.#path)
    } finally {
      closeSync(this.#fd)
    }
  }
}

/** The descriptor of the locked file; `gone`: its owner has just removed it. */
function tryOnce(path: string): number | 'gone' | 'unlockable' | { owner: string } {
  const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  let isKept = false
  try {
    const { lockFile } = native()
    const status = lockFile === undefined ? -ENOSYS : lockFile(fd)
    if (status === -EWOULDBLOCK || status === -EAGAIN) return { owner: ownerOf(fd) }
    if ([ENOLCK, EOPNOTSUPP, ENOSYS].includes(-status)) return 'unlockable'
    if (status < 0) throw systemError(status, 'flock', { address: path })
    if (!isAt(path, fd)) return 'gone'
    ftruncateSync(fd)
    writeSync(fd, `${process.pid}\n`, 0)
    isKept = true
    return fd
  } finally {
    if (!isKept) closeSync(fd)
  }
}

function isAt(path: string, fd: number): boolean {
  const there = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  const { ino, dev } = fstatSync(fd, { bigint: true })
  return there?.ino === ino && there.dev === dev
}

function ownerOf(fd: number): string {
  const bytes = Buffer.alloc(LONGEST_PID)
  const text = bytes.toString('latin1', 0, readSync(fd, bytes, 0, LONGEST_PID, 0))
  return /^\d+\n/.test(text) ? text.trim() : ''
}

/** Somebody else has it. */
export function lockedError(path: string, owner: string): LimpetError {
  const who = owner === '' ? '' : ` (process ${owner})`
  const text = `the state file ${path} is in use by another limpet${who}: stop that, or give this one a file of its own`
  return new LimpetError('LIMPET_ERR_STATE_LOCKED', text, { path })
}
