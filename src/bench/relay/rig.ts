import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { requireGoodBackends } from './faults.ts'
import { Backends, targetsOf } from './load.ts'
import { timeWait } from './proc.ts'
import type { Subject } from './subject.ts'

/** TIME_WAIT takes 60 s (TCP_TIMEWAIT_LEN of Linux). */
const LONGEST_TIME_WAIT_MS = 65_000
const POLL_MS = 500

/** What a cell is measured with. */
export interface RigSize {
  backends: number
  /** Of the subject. */
  threads: number
  /** Of the load generator and of the backends, each. */
  loadThreads: number
  /** Bytes that clients send before their first message, for the subject to find a key in. */
  skip?: number
}

/** A subject between the load generator and the backends. */
export interface LiveRig {
  /** Arguments of the load generator: whom it connects to, and whose CPU time it reads. */
  load: { target: string; backend: number; threads: number; watch?: string }
  /** The subject's processes. */
  pids: readonly number[]
}

/** Starts backends and a subject, each anew, does `work`, and ends them. Rejects if the backends saw anything bad. */
export async function withRig<T>(
  subject: Subject,
  { backends, threads, loadThreads, skip = 0 }: RigSize,
  signal: AbortSignal,
  work: (rig: LiveRig) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'limpet-bench-'))
  try {
    await using servers = await Backends.start({ count: backends, threads: loadThreads, skip }, signal)
    const result = await withSubject(subject, servers, { threads, loadThreads, directory, signal }, work)
    requireGoodBackends(await servers.totals(signal))
    return result
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function withSubject<T>(
  subject: Subject,
  servers: Backends,
  {
    threads,
    loadThreads,
    directory,
    signal,
  }: { threads: number; loadThreads: number; directory: string; signal: AbortSignal },
  work: (rig: LiveRig) => Promise<T>,
): Promise<T> {
  await using running = await subject.start({ backends: servers.ports, threads, directory, signal })
  const { ports, pids } = running
  const load = { target: targetsOf(ports), backend: servers.pid, threads: loadThreads }
  return await work({ load: pids.length === 0 ? load : { ...load, watch: pids.join(',') }, pids })
}

/**
 * Waits until closed connections of earlier cells take less than three quarters of the places that the kernel has for them. When
 * there is none left it closes more cheaply, and those who are measured later would have an advantage.
 */
export async function untilRoomForClosed(signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < LONGEST_TIME_WAIT_MS; waited += POLL_MS) {
    const { now, most } = timeWait()
    if (now < (most * 3) / 4) return
    await sleep(POLL_MS, undefined, { signal })
  }
}
