import type { Place } from '../result.ts'
import type { Cell } from '../rounds.ts'
import type { GeneratorWatch } from './generator.ts'
import { type LoadArguments, runLoad } from './load.ts'
import { BULK_COLUMNS, type Column, requireWork, sharesOf, UNIT_COLUMNS } from './measures.ts'
import { type RigSize, untilRoomForClosed, withRig } from './rig.ts'
import type { LoadSettings } from './settings.ts'
import type { Subject } from './subject.ts'

/** A trial of the load generator. */
export interface LoadTrial {
  name: string
  /** Of `limpet-bench-load`. */
  command: string
  args: LoadArguments
  columns: readonly Column[]
}

/** @param idle - sessions that rest beside */
export function connectionTrial({ atOnce }: LoadSettings, idle = 0): LoadTrial {
  return { name: 'connection', command: 'connection', args: { 'at-once': atOnce, idle }, columns: UNIT_COLUMNS }
}

/**
 * All sessions take turns, so many of them at a time.
 *
 * @param idle - more sessions, which rest beside
 */
export function roundTripTrial(sessions: number, inFlight: number, idle = 0): LoadTrial {
  const args = { sessions, 'in-flight': inFlight, idle }
  return { name: 'round trip', command: 'round-trip', args, columns: UNIT_COLUMNS }
}

export function bulkTrial(way: 'down' | 'up' | 'both', sessions: number): LoadTrial {
  const args = { sessions, down: way === 'up' ? 0 : 1, up: way === 'down' ? 0 : 1 }
  return { name: `bulk ${way}`, command: 'bulk', args, columns: BULK_COLUMNS }
}

/** A cell that runs the load generator through a subject for some time. */
export function loadCell(
  trial: LoadTrial,
  subject: Subject,
  { ms, warmupMs, isFair }: LoadSettings,
  size: RigSize,
  watch: GeneratorWatch,
  at?: Place,
): Cell {
  const columns = trial.columns.filter(({ own }) => subject.hasProcess || !own)
  return {
    trial: trial.name,
    subject: subject.name,
    ...(at === undefined ? {} : { at }),
    measures: columns.map(({ metric, unit, better }) => ({ metric, unit, better })),
    run: async (_round, signal) => {
      if (trial.command === 'connection' && isFair) await untilRoomForClosed(signal)
      const args = { ...trial.args, ms, 'warmup-ms': warmupMs }
      const result = await withRig(subject, size, signal, ({ load }) =>
        runLoad(trial.command, { ...load, ...args }, signal),
      )
      requireWork(result)
      watch.saw(trial.name, subject.name, sharesOf(result, size.loadThreads))
      return columns.map(({ value }) => value(result))
    },
  }
}
