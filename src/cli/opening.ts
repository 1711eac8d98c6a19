import { closeSync } from 'node:fs'
import { nativeOs, type OpenSocket } from '../acceptor/open-socket.ts'
import { Balancer } from '../balancer.ts'
import type { ListenOptions, OpenSockets } from '../balancer-types.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { systemError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { SavedState } from '../state/state-file.ts'
import type { Takeover } from '../upgrade/takeover.ts'
import type { Reloading } from './reloading.ts'

/** What a balancer that is opened has around it. */
export interface OpeningParts {
  reloading: Reloading
  /** Those that are open already. */
  sockets: OpenSockets
  /** From which process it takes over, if it does. */
  takeover: Takeover | undefined
  log: Log
}

/** Opens a balancer, in the place of the process that it takes over from, if it does. */
export async function openBalancer(
  config: ResolvedConfig,
  { reloading, sockets, takeover, log }: OpeningParts,
  signal: AbortSignal,
): Promise<Balancer> {
  const options = { signal, reload: reloading.reload }
  if (takeover === undefined) return await listening(config, { ...options, sockets })
  // Those of an attempt that fails are closed with it.
  const spare = duplicated(sockets)
  try {
    return await takenOver(config, { ...options, sockets }, takeover)
  } catch (error) {
    if (signal.aborted || !(await takeover.isOrphaned())) throw error
    log.warn(
      { pid: takeover.pid, error: (error as Error).message },
      'the running process died in the middle: this one starts in its place',
    )
    const balancer = await listening(config, { ...options, sockets: spare.take() }, takeover.changes)
    balancer.leaveSockets({ listeners: [], admin: false })
    return balancer
  } finally {
    spare.close()
  }
}

async function takenOver(config: ResolvedConfig, options: ListenOptions, takeover: Takeover): Promise<Balancer> {
  const balancer = new Balancer(config)
  try {
    balancer.handOver.take(takeover.changes)
    const prepare = (): Promise<void> => takeover.takeTables(balancer)
    await balancer.listen({ ...options, prepare, borrowedFiles: takeover.files })
    await takeover.finish(balancer)
    return balancer
  } catch (error) {
    await balancer.destroy()
    throw error
  }
}

async function listening(config: ResolvedConfig, options: ListenOptions, changes?: SavedState): Promise<Balancer> {
  const balancer = new Balancer(config)
  try {
    if (changes !== undefined) balancer.handOver.take(changes)
    await balancer.listen(options)
    return balancer
  } catch (error) {
    await balancer.destroy()
    throw error
  }
}

/** Copies of open sockets, which are closed unless they are taken. */
function duplicated({ listeners, admin }: OpenSockets): { take: () => OpenSockets; close: () => void } {
  const copies: number[] = []
  const copy = (socket: OpenSocket): OpenSocket => {
    const fd = nativeOs()?.duplicate(socket.fd) ?? -1
    if (fd < 0) throw systemError(fd, 'fcntl')
    copies.push(fd)
    return { ...socket, fd }
  }
  const sockets: OpenSockets = {
    listeners: new Map([...listeners].map(([name, socket]) => [name, copy(socket)])),
    admin: admin && copy(admin),
  }
  const take = (): OpenSockets => {
    copies.splice(0)
    return sockets
  }
  const close = (): void => {
    for (const fd of copies.splice(0)) closeSync(fd)
  }
  return { take, close }
}
