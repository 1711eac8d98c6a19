import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchContext, Findings } from '../result.ts'
import { alternate, type Cell } from '../rounds.ts'
import { GeneratorWatch } from './generator.ts'
import { idleCell } from './idle.ts'
import { RELAY_TRIALS, type RelayBenchOptions, type RelayTrial } from './options.ts'
import { type LoadSettings, settingsOf } from './settings.ts'
import { SUBJECT_IDS, type Subject } from './subject.ts'
import { presentSubjects } from './subjects/index.ts'
import { bulkTrial, connectionTrial, loadCell, roundTripTrial } from './trials.ts'

const QUICK_IDLE_SESSIONS = 200

/** Limpet beside others, and beside nobody: what a connection, a round trip, a GiB and an idle session cost. */
export async function benchRelay(context: BenchContext, options: RelayBenchOptions): Promise<Findings> {
  const { trials = RELAY_TRIALS, subjects: ids = SUBJECT_IDS, sessions = 32, bulkSessions = 4 } = options
  const { idleSessions = context.quick ? QUICK_IDLE_SESSIONS : 5000 } = options
  const settings = settingsOf(options, context)
  const loadThreads = Math.min(settings.threads, availableParallelism())
  const directory = await mkdtemp(join(tmpdir(), 'limpet-bench-'))
  try {
    const { subjects, versions } = await presentSubjects(ids, options, directory, context.note)
    const watch = new GeneratorWatch()
    const cells = trials.flatMap(trial =>
      cellsOf(trial, subjects, settings, { sessions, bulkSessions, idleSessions, loadThreads }, watch),
    )
    const series = await alternate(cells, context)
    for (const note of watch.notes(series)) context.note(note)
    const { ms, warmupMs, isFair: _, ...counts } = settings
    return {
      options: {
        ...counts,
        seconds: ms / 1000,
        warmupSeconds: warmupMs / 1000,
        loadThreads,
        sessions,
        bulkSessions,
        idleSessions,
      },
      programs: versions,
      series,
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function cellsOf(
  trial: RelayTrial,
  subjects: readonly Subject[],
  settings: LoadSettings,
  counts: { sessions: number; bulkSessions: number; idleSessions: number; loadThreads: number },
  watch: GeneratorWatch,
): Cell[] {
  const { threads, backends } = settings
  const size = { threads, backends, loadThreads: counts.loadThreads }
  if (trial === 'idle') {
    const own = subjects.filter(({ hasProcess }) => hasProcess)
    return own.map(subject => idleCell(subject, settings, counts.idleSessions, size))
  }
  const specs = {
    connection: connectionTrial(settings),
    'round-trip': roundTripTrial(counts.sessions, counts.sessions),
    'bulk-down': bulkTrial('down', counts.bulkSessions),
    'bulk-up': bulkTrial('up', counts.bulkSessions),
    'bulk-both': bulkTrial('both', counts.bulkSessions),
  }
  return subjects.map(subject => loadCell(specs[trial], subject, settings, size, watch))
}
