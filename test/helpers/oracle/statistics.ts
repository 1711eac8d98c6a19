/** Standard deviation over mean. */
export function relativeDeviation(values: readonly number[]): number {
  const average = mean(values)
  return Math.sqrt(mean(values.map(value => (value - average) ** 2))) / average
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Pearson's sum over (observed − expected)² / expected. */
export function chiSquare(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((sum, count, i) => sum + (count - (expected[i] ?? 0)) ** 2 / (expected[i] ?? 0), 0)
}

/** What chi² stays below in all but one of 10,000 runs, by Wilson and Hilferty's approximation (good from 3 degrees on). */
export function chiSquareLimit(degrees: number): number {
  const quantile = 3.719
  const spread = 2 / (9 * degrees)
  return degrees * (1 - spread + quantile * Math.sqrt(spread)) ** 3
}

/** How often each of the names occurs. */
export function tally(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
