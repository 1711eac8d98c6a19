import type { PeerPrograms, SubjectId } from './subject.ts'

/** The ids of `--trials`, in the order of tables. */
export const RELAY_TRIALS = ['connection', 'round-trip', 'bulk-down', 'bulk-up', 'bulk-both', 'idle'] as const

export type RelayTrial = (typeof RELAY_TRIALS)[number]

/** What the benchmarks of the relay have in common. */
export interface RelayLoadOptions extends PeerPrograms {
  /**
   * Threads of each subject: HAProxy's `nbthread`, nginx's workers, Limpet's relay threads. Default: 1, so that a
   * subject's wake-ups are not spread over several.
   */
  threads?: number | undefined
  /** How long a cell is measured, after its warm-up. Default: 2; quick: 0.15. */
  seconds?: number | undefined
  /** Connections that are under way at any time. Default: 32. */
  atOnce?: number | undefined
  /** Default: 10. */
  backends?: number | undefined
}

/** Options of `bench relay`. */
export interface RelayBenchOptions extends RelayLoadOptions {
  /** Default: all. */
  trials?: readonly RelayTrial[] | undefined
  /** Default: all that are installed. */
  subjects?: readonly SubjectId[] | undefined
  /** Open sessions of the trial `round-trip`. Default: 32. */
  sessions?: number | undefined
  /** Sessions of the bulk trials. Default: 4. */
  bulkSessions?: number | undefined
  /** Sessions of the trial `idle`. Default: 5000; quick: 200. */
  idleSessions?: number | undefined
}
