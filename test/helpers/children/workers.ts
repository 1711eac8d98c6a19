// Worker threads with a balancer each, which are terminated while they serve.
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { loadAddon } from '../../../src/addon.ts'
import type { BalancerOptions } from '../../../src/index.ts'
import { openFds } from '../rig.ts'
import { compiled } from '../typescript/compiled.ts'
import { answerParent } from './answer.ts'

const CALLS = new URL('./worker-calls.mjs', import.meta.url)
const LIMPET = new URL('./worker-limpet.ts', import.meta.url)
let workers: Worker[] = []

/** Starts so many workers; gives what each says first. */
async function start(count: number, file: URL | string, workerData: object): Promise<unknown[]> {
  workers = Array.from({ length: count }, () => new Worker(file, { workerData }))
  return await Promise.all(workers.map(async worker => ((await once(worker, 'message')) as [unknown])[0]))
}

/** The file of the addon that is loaded. */
function addonFile(): string | undefined {
  loadAddon()
  return Object.keys(createRequire(import.meta.url).cache).find(file => file.endsWith('.node'))
}

answerParent({
  /** Starts so many balancers; gives the addresses of their listeners. */
  start: async (count: number, options: BalancerOptions): Promise<unknown[]> =>
    await start(count, compiled(LIMPET), { options }),
  /** Starts so many workers that do nothing but call into the addon. */
  startCalls: async (count: number): Promise<unknown[]> => await start(count, CALLS, { addon: addonFile() }),
  /** Terminates them all; gives their exit codes. */
  terminate: async (): Promise<number[]> => await Promise.all(workers.map(worker => worker.terminate())),
  /** Threads and descriptors of the process. */
  figures: (): { threads: number; fds: number } => ({ threads: readdirSync('/proc/self/task').length, fds: openFds() }),
})
