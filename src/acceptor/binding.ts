import { lookup } from 'node:dns/promises'
import type { ResolvedListener } from '../config/resolved.ts'
import { removeStaleSocket } from './stale-socket.ts'

/** What the name of a listener's address is found to be; undefined: it has no name. */
export async function lookUpHost({ bind, name }: ResolvedListener): Promise<string | undefined> {
  if (bind.kind !== 'name') return undefined
  try {
    return (await lookup(bind.host)).address
  } catch (error) {
    throw ofListener(error, name)
  }
}

/** Binds, a second time if the file of a unix socket was in the way that nobody listens on any more. */
export async function bindOf({ bind, name }: ResolvedListener, attempt: () => Promise<void>): Promise<void> {
  try {
    await attempt().catch(async error => {
      const isStale = bind.kind === 'unix' && isInUse(error) && (await removeStaleSocket(bind.path))
      if (!isStale) throw error
      await attempt()
    })
  } catch (error) {
    throw ofListener(error, name)
  }
}

function ofListener(error: unknown, listener: string): Error {
  return Object.assign(error as Error, { listener })
}

function isInUse(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}
