import { SESSION_COUNTERS, type SessionCounter } from '../native.ts'

/** Sums of columns over the rows of counters that native threads write; `names` says what the columns are. */
export function sumColumns<Name extends string>(
  counters: BigUint64Array,
  stride: number,
  names: readonly Name[],
): Record<Name, number> {
  const sums = new Array<number>(names.length).fill(0)
  for (let row = 0; row + stride <= counters.length; row += stride) {
    for (let column = 0; column < names.length; column++) {
      sums[column] = (sums[column] ?? 0) + Number(counters[row + column])
    }
  }
  return named(names, sums)
}

function named<Name extends string>(names: readonly Name[], values: readonly number[]): Record<Name, number> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? 0])) as Record<Name, number>
}

/** How sessions went, by the name of the counter; docs/library.md says what each counts. */
export type SessionCounts = Record<SessionCounter, number>

/** Session counters that all are 0. */
export function noSessions(): SessionCounts {
  return named(SESSION_COUNTERS, [])
}

/** Sessions that have ended, however it was. */
export function ended(counts: SessionCounts): number {
  return SESSION_COUNTERS.reduce((sum, name) => sum + (name.startsWith('end') ? counts[name] : 0), 0)
}

/** The sum of two relays. */
export function addSessions(left: SessionCounts, right: SessionCounts): SessionCounts {
  return named(
    SESSION_COUNTERS,
    SESSION_COUNTERS.map(name => left[name] + right[name]),
  )
}
