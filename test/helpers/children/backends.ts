// Backends in a process of their own.
import { Backend, named, whence } from '../servers.ts'
import { answerParent } from './answer.ts'

const backends: Backend[] = []

answerParent({
  /** Starts a backend for each name, which says its name and echoes; gives their addresses. */
  async start(names: string[], ports: number[] = [], host = '127.0.0.1'): Promise<{ name: string; address: string }[]> {
    const started = await Promise.all(
      names.map((name, index) => Backend.start({ name, host, port: ports[index] ?? 0, serve: named })),
    )
    backends.push(...started)
    return started.map(({ name, address }) => ({ name, address }))
  },
  /** Starts a backend that says who has connected: address and port. */
  async tell(host: string, port: number): Promise<void> {
    backends.push(await Backend.start({ host, port, serve: whence }))
  },
  /** Connections of each backend now, and the most that there were at one time. */
  loads: (): Record<string, { live: number; most: number }> =>
    Object.fromEntries(backends.map(({ name, live, most }) => [name, { live: live.size, most }])),
})
