import { accept, type Parsed, refuse } from './parsed.ts'
import { quote, show } from './text.ts'

const UNITS = { KiB: 1024, B: 1 } as const

export const SIZE_PATTERN = '^[0-9]{1,9}(B|KiB)$'

/** The range of a number of bytes. */
export interface SizeRange {
  min: number
  max: number
}

/** Reads a number of bytes: a whole number, or text with a unit. */
export function readSize(value: unknown, { min, max }: SizeRange): Parsed<number> {
  const accepted = `a number of bytes, or a number with a unit (B, KiB), from ${formatSize(min)} to ${formatSize(max)}`
  const bytes = toBytes(value)
  if (typeof bytes === 'string') return refuse(bytes, accepted)
  if (bytes < min || bytes > max) return refuse(`${show(value)} is out of range`, accepted)
  return accept(bytes)
}

function toBytes(value: unknown): number | string {
  if (typeof value === 'number') return Number.isInteger(value) ? value : `${value} is not a whole number of bytes`
  if (typeof value !== 'string') return `expected a number of bytes, got ${show(value)}`
  const [, digits, unit] = /^([0-9]{1,9})(B|KiB)$/.exec(value) ?? []
  if (digits === undefined) return `${quote(value)} is not a number of bytes`
  return Number(digits) * UNITS[unit as keyof typeof UNITS]
}

/** A number of bytes as text that reads back to the same number. */
export function formatSize(bytes: number): string {
  return bytes > 0 && bytes % UNITS.KiB === 0 ? `${bytes / UNITS.KiB}KiB` : `${bytes}B`
}
