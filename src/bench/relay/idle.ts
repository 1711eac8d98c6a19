import { setTimeout as sleep } from 'node:timers/promises'
import type { Cell } from '../rounds.ts'
import { requireNone } from './faults.ts'
import { IdleSessions, runLoad } from './load.ts'
import { threadsCpuNs, userMemory } from './proc.ts'
import { type LiveRig, type RigSize, withRig } from './rig.ts'
import type { LoadSettings } from './settings.ts'
import type { Subject } from './subject.ts'

/** Most connections that come and go before memory is looked at. */
const MOST_FIRST = 10_000
/** So many warm-ups later what a subject does only for sessions that last (keepalive, after a second) is done. */
const SETTLED_WARMUPS = 4

/** Sessions that exchanged a message and rest: what each takes of the subject's memory, and what all of them of its time. */
export function idleCell(subject: Subject, settings: LoadSettings, sessions: number, size: RigSize): Cell {
  return {
    trial: 'idle sessions',
    subject: subject.name,
    measures: [
      { metric: 'user memory', unit: 'KiB', better: 'lower' },
      { metric: 'CPU at rest', unit: '%', better: 'lower' },
    ],
    run: (_round, signal) => withRig(subject, size, signal, rig => measure(rig, sessions, settings, signal)),
  }
}

/**
 * First as many connections come and go: what a subject allocates once is then there already, and so is the garbage that
 * a collector lets grow for a while.
 */
async function measure(
  { load, pids }: LiveRig,
  sessions: number,
  { ms, warmupMs }: LoadSettings,
  signal: AbortSignal,
): Promise<number[]> {
  const first = await runLoad('connection', { target: load.target, count: Math.min(sessions, MOST_FIRST) }, signal)
  requireNone(first.faults)
  await sleep(warmupMs, undefined, { signal })
  const before = userMemory(pids)
  await using idle = await IdleSessions.open({ target: load.target, sessions }, signal)
  await sleep(SETTLED_WARMUPS * warmupMs, undefined, { signal })
  const memory = userMemory(pids) - before
  const [cpu, began] = [threadsCpuNs(pids), process.hrtime.bigint()]
  await sleep(ms, undefined, { signal })
  const busy = (threadsCpuNs(pids) - cpu) / Number(process.hrtime.bigint() - began)
  requireNone(await idle.faults(signal))
  return [memory / 1024 / sessions, busy * 100]
}
