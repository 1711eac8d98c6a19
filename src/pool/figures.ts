import type { NativePool } from '../native.ts'
import type { BackendIndexes } from './indexes.ts'

/** What is on a backend now. */
export interface BackendFigures {
  sessions: number
  inherited: number
  peerSessions: number
  takesNew: boolean
  bound: number | null
  total: number
  connectFailures: number
}

/** Rows of failures of a backend; one of them is not 0. */
export interface BackendFailures {
  name: string
  /** Connects in a row that failed. */
  connects: number
  /** Sessions in a row that it reset in their first moments. */
  resets: number
}

/** Numbers of each backend that the native pool gives. */
const FIGURES = 5
/** Instead of its bound, of who gets no new clients; 0 is the bound of one that others have filled. */
const NO_CANDIDATE = -1
/** Failures of each backend in a row, of connects and of sessions. */
const ROWS = 2

/** What is on each backend now, by name. */
export function readFigures(native: NativePool, backends: BackendIndexes): (name: string) => BackendFigures {
  const figures = readRows(native, backends)
  const bounds = new Float64Array(figures.length / FIGURES).fill(NO_CANDIDATE)
  native.readBounds(bounds)
  return name => {
    const index = backends.of(name) ?? 0
    const at = FIGURES * index
    const [sessions = 0, total = 0, connectFailures = 0, inherited = 0, peerSessions = 0] = figures.subarray(
      at,
      at + FIGURES,
    )
    const bound = bounds[index] ?? NO_CANDIDATE
    const takesNew = bound !== NO_CANDIDATE
    const shown = takesNew && bound < Infinity ? bound : null
    return { sessions, inherited, peerSessions, takesNew, bound: shown, total, connectFailures }
  }
}

/** Backends that have sessions, and how many; those that were removed and have some left, too. */
export function readSessions(native: NativePool, backends: BackendIndexes): [name: string, sessions: number][] {
  const figures = readRows(native, backends)
  const sessions = new Map<string, number>()
  for (let index = 0; index < backends.end; index++) {
    const [name, more = 0] = [backends.at(index)?.name, figures[FIGURES * index]]
    // One that was removed and came back has sessions at two indexes.
    if (name !== undefined && more > 0) sessions.set(name, (sessions.get(name) ?? 0) + more)
  }
  return [...sessions]
}

function readRows(native: NativePool, backends: BackendIndexes): Float64Array {
  const figures = new Float64Array(FIGURES * (backends.end + 1))
  const indexes = native.readBackends(figures)
  if (indexes * FIGURES <= figures.length) return figures
  const all = new Float64Array(FIGURES * indexes)
  native.readBackends(all)
  return all
}

/** Who had so many failures in a row since the last time. */
export function takeFailures(native: NativePool, backends: BackendIndexes, atLeast: number): BackendFailures[] {
  const rows = new Float64Array(ROWS * backends.end)
  native.takeFailures(rows, atLeast)
  const all = Array.from(backends.entries(), ([name, index]) => {
    const [connects = 0, resets = 0] = rows.subarray(ROWS * index, ROWS * (index + 1))
    return { name, connects, resets }
  })
  return all.filter(({ connects, resets }) => connects > 0 || resets > 0)
}

/** Pins to each backend now, by name, estimated from so many buckets of the table if it has more. */
export function countPins(native: NativePool, backends: BackendIndexes, mostBuckets: number): (name: string) => number {
  const counts = new Float64Array(backends.end)
  const share = native.countPins(counts, mostBuckets)
  return name => (counts[backends.of(name) ?? -1] ?? 0) / share
}
