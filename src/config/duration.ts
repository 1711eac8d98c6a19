import { accept, type Parsed, refuse } from './parsed.ts'
import { quote, show } from './text.ts'

/** Which form a configuration has: a YAML document, or options of a program (where a plain number is milliseconds). */
export type Mode = 'yaml' | 'options'

/** Milliseconds of each unit, the largest first. */
const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const
type Unit = keyof typeof UNITS

/** Milliseconds. */
export const HOUR = UNITS.h
export const DAY = UNITS.d

/** Longest time of a timer: setTimeout and epoll count milliseconds in a signed 32-bit integer (24.8 days). */
export const LONGEST_TIMER_MS = 24 * UNITS.d

/** Of a pin: a year. */
export const LONGEST_TTL_MS = 365 * UNITS.d

export const DURATION_PATTERN = '^[0-9]{1,12}(\\.[0-9]{1,6})?(ms|s|m|h|d)$'

/** The range of one setting, in milliseconds, and why it ends there. */
export interface DurationRange {
  min: number
  max: number
  /** 0 switches the setting off, below `min`. */
  zero?: boolean
  /** Only whole seconds: the kernel counts it so. */
  wholeSeconds?: boolean
  /** Why the longest is the longest, e.g. "the kernel's limit". */
  why?: string
}

/** Reads a duration; the value is a whole number of milliseconds. */
export function readDuration(value: unknown, range: DurationRange, mode: Mode): Parsed<number> {
  const accepted = acceptedDurations(range, mode)
  const read = toMilliseconds(value, mode)
  if (typeof read === 'string') return refuse(read, accepted)
  if (read === 0 && range.zero === true) return accept(0)
  const given = typeof value === 'string' ? value : `${String(value)} ms`
  if (read < range.min) return refuse(`${given} is too short`, accepted)
  if (read > range.max) return refuse(`${given} is too long`, accepted)
  if (range.wholeSeconds === true && read % UNITS.s !== 0)
    return refuse(`${given} is not a whole number of seconds`, accepted)
  return accept(read)
}

export function acceptedDurations(range: DurationRange, mode: Mode): string {
  const number = mode === 'options' ? ', or a number of ms' : ''
  const zero = range.zero === true && range.min > 0 ? ', or 0' : ''
  const whole = range.wholeSeconds === true ? ' in whole seconds' : ''
  const why = range.why === undefined ? '' : ` (${range.why})`
  const span = `from ${formatDuration(range.min)} to ${formatDuration(range.max)}${why}${whole}${zero}`
  return `a number with a unit (ms, s, m, h, d), like 5s or 1.5h${number}, ${span}`
}

function toMilliseconds(value: unknown, mode: Mode): number | string {
  if (value === 0 || value === '0') return 0
  if (typeof value === 'number') return numberToMilliseconds(value, mode)
  if (typeof value !== 'string') return `expected a duration, got ${show(value)}`
  const match = /^(\d{1,12})(?:\.(\d{1,6}))?([a-z]*)$/i.exec(value)
  if (match === null) return `${quote(value)} is not a duration`
  const [, whole = '', fraction = '', unit = ''] = match
  if (unit === '') return `${value} has no unit: write ${value}s for seconds`
  if (!isUnit(unit)) return `${quote(unit)} is not a unit of time`
  return exactMilliseconds(whole, fraction, unit)
}

function numberToMilliseconds(value: number, mode: Mode): number | string {
  if (mode === 'yaml') {
    const example =
      Number.isFinite(value) && value > 0 ? `: write ${value}s for seconds or ${value}ms for milliseconds` : ''
    return `${value} has no unit${example}`
  }
  if (!Number.isSafeInteger(value) || value < 0) return `${value} is not a whole number of milliseconds`
  return value
}

/** In integers: 1.1 s would otherwise be 1100.0000000000002 ms. */
function exactMilliseconds(whole: string, fraction: string, unit: Unit): number | string {
  const scale = 10n ** BigInt(fraction.length)
  const scaled = BigInt(whole + fraction) * BigInt(UNITS[unit])
  if (scaled % scale !== 0n) return `${whole}.${fraction}${unit} is not a whole number of milliseconds`
  return Number(scaled / scale)
}

function isUnit(text: string): text is Unit {
  return Object.hasOwn(UNITS, text)
}

/** A number of milliseconds as text that reads back to the same number: the largest unit that divides it. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s'
  for (const [unit, size] of Object.entries(UNITS)) {
    if (milliseconds % size === 0) return `${milliseconds / size}${unit}`
  }
  return `${milliseconds}ms`
}
