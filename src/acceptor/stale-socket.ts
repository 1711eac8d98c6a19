import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { BigIntStats } from 'node:fs'
import { lstat, rename, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'

/**
 * Removes the file of a unix socket that nobody listens on any more: a process that was killed leaves its file behind,
 * and the next one could not bind. False: somebody listens, or it is not a socket, or it may not be looked at.
 */
export async function removeStaleSocket(path: string): Promise<boolean> {
  try {
    const seen = await lstat(path, { bigint: true })
    // A connect to a plain file is refused as well.
    return seen.isSocket() && (await isRefused(path)) && (await removeOnly(path, seen))
  } catch (error) {
    // Its owner may have removed it meanwhile; whatever else is wrong, the error of the bind says more to the user.
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/**
 * Removes a file if it is still the one that was looked at: another process that starts at the same time may have
 * removed that one, and bound a socket of its own there. Nothing removes a file by what it is, so it is moved away first.
 */
async function removeOnly(path: string, seen: BigIntStats): Promise<boolean> {
  const aside = join(dirname(path), `.limpet-${randomUUID()}`)
  await rename(path, aside)
  const moved = await lstat(aside, { bigint: true })
  // The number alone may have been given to the next file.
  if (moved.ino === seen.ino && moved.mtimeNs === seen.mtimeNs) {
    await unlink(aside)
    return true
  }
  await rename(aside, path)
  return false
}

async function isRefused(path: string): Promise<boolean> {
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}
