import { once } from 'node:events'
import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'

/**
 * Removes the file of a unix socket that nobody listens on any more: a process that was killed leaves its file behind,
 * and the next one could not bind. False: somebody listens, or it is not a socket, or it may not be looked at.
 */
export async function removeStaleSocket(path: string): Promise<boolean> {
  try {
    // A connect to a plain file is refused as well.
    if (!(await lstat(path)).isSocket() || !(await isRefused(path))) return false
    await unlink(path)
    return true
  } catch (error) {
    // Its owner may have removed it meanwhile; whatever else is wrong, the error of the bind says more to the user.
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
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
