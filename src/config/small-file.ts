import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'

/** What was read of a file, and what the system says of it. */
export interface SmallFile {
  bytes: Buffer
  stats: Stats
}

/**
 * Reads a file, up to `most` bytes. Undefined: not a regular file; a FIFO or a device could keep the process waiting for ever.
 *
 * @throws errors of `fs`
 */
export function readSmallFile(path: string, most: number): SmallFile | undefined {
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) return undefined
    const buffer = Buffer.alloc(Math.min(most, stats.size + 1))
    let length = 0
    for (let read = 1; read > 0 && length < buffer.length; length += read) {
      read = readSync(fd, buffer, length, buffer.length - length, null)
    }
    return { bytes: buffer.subarray(0, length), stats }
  } finally {
    closeSync(fd)
  }
}
