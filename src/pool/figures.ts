import type { NativePool } from '../native.ts'
import type { BackendIndexes } from './indexes.ts'

/** What is on a backend now. */
export interface BackendFigures {
  sessions: number
  inherited: number
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
const FIGURES = 4
/** Failures of each backend in a row, of connects and of sessions. */
const ROWS = 2

/** What is on each backend now, by name. */
export function readFigures(native: NativePool, backends: BackendIndexes): (name: string) => BackendFigures {
  let figures = new Float64Array(FIGURES * (backends.end + 1))
  const indexes = native.readBackends(figures)
  if (indexes * FIGURES > figures.length) {
    figures = new Float64Array(FIGURES * indexes)
    native.readBackends(figures)
  }
  const bounds = new Float64Array(indexes)
  native.readBounds(bounds)
  return name => {
    const index = backends.of(name) ?? 0
    const at = FIGURES * index
    const [sessions = 0, total = 0, connectFailures = 0, inherited = 0] = figures.subarray(at, at + FIGURES)
    const bound = bounds[index] ?? 0
    const takesNew = bound > 0
    const shown = takesNew && bound < Infinity ? bound : null
    return { sessions, inherited, takesNew, bound: shown, total, connectFailures }
  }
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
