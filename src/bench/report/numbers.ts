import type { Summary } from '../statistics.ts'

/** Three digits are more than a benchmark knows. */
const DIGITS = 3

/** A number with three significant digits; thousands apart. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1000) return String(value)
  return value.toLocaleString('en', { maximumSignificantDigits: DIGITS, minimumSignificantDigits: DIGITS })
}

/** A place on an axis: no more digits than it has. */
export function formatPlace(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: DIGITS })
}

/** A ratio: two decimals. */
export function formatRatio(value: number): string {
  return value.toFixed(2)
}

/** "5.1 (4.7 … 6.4)"; of one sample only that. */
export function formatSummary({ median, min, max }: Summary, format = formatNumber): string {
  const [low, high] = [format(min), format(max)]
  return low === high ? format(median) : `${format(median)} (${low} … ${high})`
}
