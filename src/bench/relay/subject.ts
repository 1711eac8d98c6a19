/** The ids of `--subjects`, in the order of tables. */
export const SUBJECT_IDS = [
  'direct',
  'floor',
  'limpet-native',
  'limpet-net',
  'limpet-stream',
  'haproxy',
  'nginx',
  'node-pipe',
] as const

export type SubjectId = (typeof SUBJECT_IDS)[number]

/** Where the programs are that Limpet is measured beside. */
export interface PeerPrograms {
  /** Default: `haproxy` of PATH. */
  haproxy?: string | undefined
  /** Default: `nginx` of PATH. */
  nginx?: string | undefined
}

/** What a subject is to balance. */
export interface Rig {
  /** Ports of the backends, on 127.0.0.1. */
  backends: readonly number[]
  threads: number
  /** For its files; gone after the cell. */
  directory: string
  signal: AbortSignal
}

/** A subject that listens. */
export interface Running extends AsyncDisposable {
  /** Ports on 127.0.0.1 that clients connect to, in turn. */
  ports: readonly number[]
  /** The processes whose CPU time and memory are its own. */
  pids: readonly number[]
}

/** Somebody who carries bytes between clients and backends; or nobody, for comparison. */
export interface Subject {
  id: SubjectId
  /** As tables name it. */
  name: string
  /** False: it has no process of its own. */
  hasProcess: boolean
  /** Its version, or why it cannot take part. */
  probe: (directory: string) => Promise<{ version: string } | { missing: string }>
  /** Starts it, and waits until it listens. */
  start: (rig: Rig) => Promise<Running>
}
