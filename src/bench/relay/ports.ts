import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { LimpetError } from '../../errors.ts'
import type { Child } from './child.ts'

const READY_MS = 15_000
const RETRY_MS = 20

/** A port that was free just now, for programs that cannot say which one the system gave them. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Waits until a program takes connections.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_BENCH_PROGRAM`: it ended, or took too long
 */
export async function untilListening(port: number, child: Child, signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < READY_MS; waited += RETRY_MS) {
    if (!child.isRunning) throw child.failure('ended early')
    if (await takesConnections(port)) return
    await sleep(RETRY_MS, undefined, { signal })
  }
  throw new LimpetError('LIMPET_ERR_BENCH_PROGRAM', child.failure(`did not listen within ${READY_MS / 1000} s`).message)
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    // Not yet.
    return false
  } finally {
    socket.destroy()
  }
}
