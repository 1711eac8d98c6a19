/** Of samples: what lies in the middle, and how far they spread. */
export interface Summary {
  median: number
  min: number
  max: number
  /** How many samples there were. */
  count: number
}

type Samples = readonly (number | null)[]

/** Undefined: there is no sample. Of an even number of samples the median is the mean of the two in the middle. */
export function summary(samples: Samples): Summary | undefined {
  const sorted = samples.filter(sample => sample !== null).sort((left, right) => left - right)
  const { length: count } = sorted
  const [min, max] = [sorted[0], sorted.at(-1)]
  const [low, high] = [sorted[(count - 1) >> 1], sorted[count >> 1]]
  if (min === undefined || max === undefined || low === undefined || high === undefined) return undefined
  // Not (low + high) / 2, which overflows, and may lie outside of equal values.
  return { median: low === high ? low : low + (high - low) / 2, min, max, count }
}

/**
 * Subject / reference, pair by pair: a round in which the machine was slow was slow for both. Rounds without a sample of
 * either, or with a reference of 0, do not count; undefined: no round is left.
 */
export function ratios(subject: Samples, reference: Samples): Summary | undefined {
  return summary(
    subject.map((sample, round) => {
      const divisor = reference[round] ?? null
      return sample === null || divisor === null || divisor === 0 ? null : sample / divisor
    }),
  )
}

/** B / A of two runs, whose rounds are no pairs: the medians, and the farthest apart that samples of both may be. */
export function ratioOfRuns(before: Summary, after: Summary): Summary | undefined {
  if (before.min <= 0) return undefined
  return {
    median: after.median / before.median,
    min: after.min / before.max,
    max: after.max / before.min,
    count: Math.min(before.count, after.count),
  }
}

/** Whether the ranges of two runs have a value in common: then their difference is within the noise. */
export function overlap(left: Summary, right: Summary): boolean {
  return left.min <= right.max && right.min <= left.max
}

/** Standard deviation over mean, of a whole population; 0 for nothing. */
export function relativeDeviation(values: ArrayLike<number>): number {
  const all = Array.from(values)
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length
  if (all.length === 0 || mean === 0) return 0
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length) / mean
}

/** Greatest over mean; 0 for nothing. */
export function peakToMean(values: ArrayLike<number>): number {
  const all = Array.from(values)
  const sum = all.reduce((total, value) => total + value, 0)
  return sum === 0 ? 0 : (all.reduce((most, value) => Math.max(most, value)) * all.length) / sum
}
