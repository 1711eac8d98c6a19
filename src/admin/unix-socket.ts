import { once } from 'node:events'
import { chmod, link, lstat, mkdtemp, rm, unlink } from 'node:fs/promises'
import type { ListenOptions, Server } from 'node:net'
import { dirname, join } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { removeStaleSocket } from '../acceptor/stale-socket.ts'
import { LimpetError, systemError } from '../errors.ts'

/** Only the user of the process. */
const MODE = 0o600
/** What `mkdtemp` adds six characters to, and the name in that directory. */
const PREFIX = '.limpet-'
const NAME = 's'
/** `sun_path` of Linux holds 108 bytes with the final NUL (unix(7)). */
const LONGEST_PATH = 107

/**
 * Listens on a unix socket that is open already, and has its place.
 *
 * @returns removes the file, if it is still this one
 */
export async function listenOnOpenSocket(server: Server, path: string, fd: number): Promise<() => Promise<void>> {
  // Missing in the types of Node 20; documented for server.listen(handle).
  server.listen({ fd, exclusive: true } as ListenOptions)
  await once(server, 'listening')
  return await removal(path)
}

/**
 * Listens on a unix socket that nobody else could open for a single moment. bind() gives a socket the mode of the umask,
 * which belongs to the whole process; so it is bound in a directory of mode 0700, and gets its place when it has its mode.
 *
 * @returns removes the file again, if it is still this one
 * @throws errors of `net` and `fs`, `EADDRINUSE` where something else is in its place
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<() => Promise<void>> {
  const longest = LONGEST_PATH - `/${PREFIX}XXXXXX/${NAME}`.length
  if (Buffer.byteLength(dirname(path)) > longest) {
    const text = `the directory of an admin socket has at most ${longest} bytes`
    throw new LimpetError('LIMPET_ERR_BAD_ADDRESS', text, { address: `unix:${path}` })
  }
  const directory = await mkdtemp(join(dirname(path), PREFIX))
  try {
    const hidden = join(directory, NAME)
    server.listen({ path: hidden, exclusive: true })
    await once(server, 'listening')
    await chmod(hidden, MODE)
    await place(hidden, path)
    return await removal(path)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** A link replaces nothing, unlike a renaming. */
async function place(hidden: string, path: string): Promise<void> {
  try {
    await link(hidden, path)
  } catch (error) {
    if (!isThere(error)) throw error
    if (!(await removeStaleSocket(path))) throw inUse(path)
    await link(hidden, path).catch(again => {
      throw isThere(again) ? inUse(path) : again
    })
  }
}

function isThere(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST'
}

function inUse(path: string): Error {
  const [errno = 0] = [...getSystemErrorMap()].find(([, [name]]) => name === 'EADDRINUSE') ?? []
  return systemError(errno, 'listen', { address: path })
}

async function removal(path: string): Promise<() => Promise<void>> {
  const own = await lstat(path, { bigint: true })
  return async () => {
    try {
      const { ino, dev } = await lstat(path, { bigint: true })
      if (ino === own.ino && dev === own.dev) await unlink(path)
    } catch (error) {
      // Somebody has removed it already.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}
