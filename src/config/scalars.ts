import { z } from 'zod'
import {
  ACCEPTED_BACKEND,
  type BackendAddress,
  type BindAddress,
  type ListenAddress,
  readBackendAddress,
  readBindAddress,
  readListenAddress,
} from './address.ts'
import {
  acceptedDurations,
  DURATION_PATTERN,
  type DurationRange,
  formatDuration,
  type Mode,
  readDuration,
} from './duration.ts'
import { HOT_BY_JSON, KEYS_JSON, readHotBy, readKeys } from './key-source.ts'
import { NETWORK_PATTERN, readNetwork } from './network.ts'
import type { BindOption, Duration, KeyOption } from './options.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import type { ResolvedKey } from './resolved.ts'
import { readSize, SIZE_PATTERN, type SizeRange } from './size.ts'
import { didYouMean, listNames, quote, show } from './text.ts'

/** The message about a key that must be there and is not. */
export const MISSING = 'is missing'

/** What the JSON Schema says about a value. */
export type JsonFacts = Record<string, unknown> & { description?: string }

/**
 * A schema of one value read by a function of ours, whose refusals say exactly what was wrong; zod brings objects,
 * lists, defaults and the JSON Schema. `facts` are the JSON Schema of the value, which zod cannot see in the function.
 */
export function scalar<Out, In>(read: (value: unknown) => Parsed<Out>, facts: JsonFacts): z.ZodType<Out, In> {
  const schema = z.unknown().transform((value, context): Out => {
    const parsed = read(value)
    if ('value' in parsed) return parsed.value
    const { message, accepted, code } = parsed.refusal
    const text = value === undefined ? MISSING : message
    context.issues.push({ code: 'custom', message: text, params: { accepted, code }, input: value })
    return z.NEVER
  })
  return schema.meta(facts) as unknown as z.ZodType<Out, In>
}

const ON_OFF = new Map<unknown, 'on' | 'off'>([
  [true, 'on'],
  [false, 'off'],
])

/** The longest name; longer ones make logs and metrics unreadable. */
const LONGEST_NAME = 128
const NAME_PATTERN = `^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,${LONGEST_NAME - 1}}$`
const ACCEPTED_NAME = `1 to ${LONGEST_NAME} letters, digits and . _ : @ / -, beginning with a letter or a digit`

/** Reads a name: one that needs no quoting in logs, metrics and `address home` lines. */
function readName(value: unknown): Parsed<string> {
  if (typeof value === 'number') return refuse(`${value} is a number; put the name between quotes`, ACCEPTED_NAME)
  if (typeof value !== 'string') return refuse(`expected a name, got ${show(value)}`, ACCEPTED_NAME)
  if (!new RegExp(NAME_PATTERN).test(value)) return refuse(`${quote(value)} cannot be a name`, ACCEPTED_NAME)
  return accept(value)
}

export function name(description: string): z.ZodType<string, string> {
  return scalar(readName, { type: 'string', pattern: NAME_PATTERN, description })
}

/** A reference: any text here; whether the name exists is told with the names that do. */
export function reference(description: string, kind: string): z.ZodType<string, string> {
  const read = (value: unknown): Parsed<string> =>
    typeof value === 'string'
      ? accept(value)
      : refuse(`expected the name of a ${kind}, got ${show(value)}`, `the name of a ${kind}`)
  return scalar(read, { type: 'string', description })
}

const SYSTEM_NAME = '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\\$?$'
const LARGEST_ID = 2 ** 32 - 2

/** The name of a user or a group of the system, or its number. */
export function systemName(description: string, kind: 'user' | 'group'): z.ZodType<string, string | number> {
  const accepted = `the name of a ${kind}, or its number`
  const read = (value: unknown): Parsed<string> => {
    const isNumber = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_ID
    if (isNumber) return accept(String(value))
    const isName = typeof value === 'string' && new RegExp(SYSTEM_NAME).test(value)
    return isName ? accept(value) : refuse(`expected a ${kind} of the system, got ${show(value)}`, accepted)
  }
  const facts = [
    { type: 'string', pattern: SYSTEM_NAME },
    { type: 'integer', minimum: 0, maximum: LARGEST_ID },
  ]
  return scalar(read, { anyOf: facts, description })
}

/** The range of a whole number, and why it ends there. */
export interface WholeRange {
  min: number
  max: number
  why?: string
}

function acceptedWhole({ min, max, why }: WholeRange): string {
  return `a whole number from ${min} to ${max}${why === undefined ? '' : ` (${why})`}`
}

function readWhole(value: unknown, range: WholeRange): Parsed<number> {
  const accepted = acceptedWhole(range)
  if (typeof value === 'string' && value !== '' && Number.isFinite(Number(value))) {
    return refuse(`expected a number, got ${show(value)}: write it without quotes`, accepted)
  }
  if (typeof value !== 'number') return refuse(`expected a number, got ${show(value)}`, accepted)
  if (!Number.isInteger(value)) return refuse(`${value} is not a whole number`, accepted)
  if (value < range.min || value > range.max) return refuse(`${value} is out of range`, accepted)
  return accept(value + 0)
}

export function whole(range: WholeRange, description: string): z.ZodType<number, number> {
  const { min, max } = range
  return scalar(value => readWhole(value, range), { type: 'integer', minimum: min, maximum: max, description })
}

export function duration(range: DurationRange, mode: Mode, description: string): z.ZodType<number, Duration> {
  const told = `${description} ${sentence(acceptedDurations(range, 'yaml'))}`
  const text = { type: 'string', pattern: DURATION_PATTERN }
  const zero = range.min === 0 || range.zero === true
  const facts = zero ? { anyOf: [text, { enum: [0, '0'] }], description: told } : { ...text, description: told }
  return scalar(value => readDuration(value, range, mode), facts)
}

/**
 * One of a few words; `synonyms` are further values that mean one of them, like `false` for `off`, and `mapping` what may
 * be there in place of a word.
 */
export function oneOf<const Word extends string, const Synonym = never>(
  words: readonly Word[],
  description: string,
  synonyms: ReadonlyMap<unknown, Word> = new Map(),
  mapping?: string,
): z.ZodType<Word, Word | Synonym> {
  const accepted = `${mapping === undefined ? '' : `${mapping}, `}${listNames(words)}`
  const read = (value: unknown): Parsed<Word> => {
    const word = words.find(candidate => candidate === value) ?? synonyms.get(value)
    if (word !== undefined) return accept(word)
    if (typeof value !== 'string') return refuse(`expected a word, got ${show(value)}`, accepted)
    return refuse(`${quote(value)} is not accepted${didYouMean(value, words)}`, accepted)
  }
  return scalar(read, { enum: [...words, ...synonyms.keys()], description })
}

/** The word `off`, where otherwise there is a mapping; YAML 1.2 reads it as text, `false` is taken too. */
export function off(mapping: string, description: string): z.ZodType<undefined, 'off' | false> {
  const read = (value: unknown): Parsed<undefined> =>
    value === 'off' || value === false
      ? accept(undefined)
      : refuse(`expected a mapping or off, got ${show(value)}`, `${mapping} or off`)
  return scalar(read, { enum: ['off', false], description })
}

/** A switch that can also be a value: 0 is off. */
export interface SwitchRule {
  /** What `on` means, in words and as the value. */
  on: { text: string; value: number }
  /** What else is accepted. */
  accepted: string
  facts: JsonFacts
}

/** Reads `off`, `on` (or a boolean), or what `read` takes. */
function switchOr<In>(rule: SwitchRule, description: string, read: (value: unknown) => Parsed<number>) {
  const accepted = `off, on (${rule.on.text}), or ${rule.accepted}`
  const readSwitch = (value: unknown): Parsed<number> => {
    if (value === 'off' || value === false) return accept(0)
    if (value === 'on' || value === true) return accept(rule.on.value)
    const parsed = read(value)
    return 'value' in parsed ? parsed : refuse(parsed.refusal.message, accepted)
  }
  const facts = {
    anyOf: [{ enum: ['off', 'on', false, true] }, rule.facts],
    description: `${description} ${sentence(accepted)}`,
  }
  return scalar<number, In | 'off' | 'on' | boolean>(readSwitch, facts)
}

export function durationSwitch(range: DurationRange, onMs: number, mode: Mode, description: string) {
  const on = { text: formatDuration(onMs), value: onMs }
  const rule = { on, accepted: acceptedDurations(range, mode), facts: { type: 'string', pattern: DURATION_PATTERN } }
  return switchOr<Duration>(rule, description, value => readDuration(value, range, mode))
}

export function wholeSwitch(range: WholeRange, onValue: number, description: string) {
  const { min, max } = range
  const on = { text: String(onValue), value: onValue }
  const rule = { on, accepted: acceptedWhole(range), facts: { type: 'integer', minimum: min, maximum: max } }
  return switchOr<number>(rule, description, value => readWhole(value, range))
}

/** A share, or none (0), or all (1). */
export function shareSwitch(description: string) {
  const accepted = 'a number above 0 and below 1'
  const read = (value: unknown): Parsed<number> =>
    typeof value === 'number' && value > 0 && value < 1 ? accept(value) : refuse('is no share', accepted)
  const facts = { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }
  return switchOr<number>({ on: { text: 'all', value: 1 }, accepted, facts }, description, read)
}

/** A whole number, or the word `auto`, which is 0. */
export function wholeOrAuto(range: WholeRange, description: string): z.ZodType<number, number | 'auto'> {
  const { min, max } = range
  const accepted = `auto, or ${acceptedWhole(range)}`
  const read = (value: unknown): Parsed<number> => {
    if (value === 'auto') return accept(0)
    const parsed = readWhole(value, range)
    return 'value' in parsed ? parsed : refuse(parsed.refusal.message, accepted)
  }
  return scalar(read, { anyOf: [{ enum: ['auto'] }, { type: 'integer', minimum: min, maximum: max }], description })
}

/** A number with at most 3 decimals as an integer number of thousandths; the range is of these. */
export function thousandths({ min, max }: WholeRange, description: string): z.ZodType<number, number> {
  const accepted = `a number from ${min / 1000} to ${max / 1000} with at most 3 decimals`
  const read = (value: unknown): Parsed<number> => {
    if (typeof value !== 'number') return refuse(`expected a number, got ${show(value)}`, accepted)
    const whole = Math.round(value * 1000)
    if (Number.isNaN(value) || value * 1000 < min || value * 1000 > max)
      return refuse(`${value} is out of range`, accepted)
    return whole / 1000 === value ? accept(whole) : refuse(`${value} has more than 3 decimals`, accepted)
  }
  return scalar(read, { type: 'number', minimum: min / 1000, maximum: max / 1000, description })
}

/** A share in per cent, or `off`, which is 0. */
export function percentOrOff(description: string): z.ZodType<number, number | 'off' | false> {
  const accepted = 'a whole number from 1 to 100, or off'
  const read = (value: unknown): Parsed<number> => {
    if (value === 'off' || value === false) return accept(0)
    const parsed = readWhole(value, { min: 1, max: 100 })
    return 'value' in parsed ? parsed : refuse(parsed.refusal.message, accepted)
  }
  const number = { type: 'integer', minimum: 1, maximum: 100 }
  return scalar(read, { anyOf: [number, { enum: ['off', false] }], description })
}

/** A switch without a value. */
export function onOff(description: string): z.ZodType<'on' | 'off', 'on' | 'off' | boolean> {
  return oneOf<'on' | 'off', boolean>(['off', 'on'], description, ON_OFF)
}

/** A property that something has or has not. */
export function yesNo(description: string): z.ZodType<boolean, boolean> {
  const read = (value: unknown): Parsed<boolean> =>
    typeof value === 'boolean' ? accept(value) : refuse(`expected true or false, got ${show(value)}`, 'true, false')
  return scalar(read, { enum: [true, false], description })
}

export function backendAddress(description: string): z.ZodType<BackendAddress, string> {
  const facts = {
    type: 'string',
    pattern: ':[1-9][0-9]{0,4}$|^unix:/',
    description: `${description}: ${ACCEPTED_BACKEND}.`,
  }
  return scalar(readBackendAddress, facts)
}

export function bindAddress(mode: Mode, description: string): z.ZodType<BindAddress, BindOption> {
  const facts = { type: 'string', pattern: ':[0-9]{1,5}$|^unix:/', description }
  return scalar(value => readBindAddress(value, mode === 'options'), facts)
}

/** Where keys are looked for. */
export function keys(description: string): z.ZodType<readonly ResolvedKey[], KeyOption | KeyOption[]> {
  return scalar(readKeys, { ...KEYS_JSON, description })
}

/** `port`, or the text of a source of keys. */
export function hotBy(description: string): z.ZodType<string, KeyOption> {
  return scalar(readHotBy, { ...HOT_BY_JSON, description })
}

export function size(range: SizeRange, description: string): z.ZodType<number, number | string> {
  const facts = [
    { type: 'string', pattern: SIZE_PATTERN },
    { type: 'integer', minimum: range.min, maximum: range.max },
  ]
  return scalar(value => readSize(value, range), { anyOf: facts, description })
}

/** A network, in canonical text. */
export function network(description: string): z.ZodType<string, string> {
  return scalar(readNetwork, { type: 'string', pattern: NETWORK_PATTERN, description })
}

export function listenAddress(description: string): z.ZodType<ListenAddress, string> {
  return scalar(readListenAddress, { type: 'string', pattern: ':[0-9]{1,5}$|^unix:/', description })
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
