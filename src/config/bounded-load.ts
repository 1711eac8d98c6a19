import { z } from 'zod'
import type { BoundedLoadOptions, BoundScope } from './options.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import { oneOf, scalar } from './scalars.ts'
import { show } from './text.ts'

/** Whose sessions a bound counts, and how much more than its share of them a backend may hold. */
export interface ResolvedBound {
  /** c · 1000, an integer; 0: no bound. */
  readonly boundMilli: number
  readonly boundScope: BoundScope
}

/** As it is told. */
export type DescribedBound = number | 'off' | Required<BoundedLoadOptions>

/** The least and the most of the factor. */
const FACTOR = { min: 1, max: 1000 }
const DEFAULT_FACTOR = 1.25
const ACCEPTED_FACTOR = `a number from ${FACTOR.min} to ${FACTOR.max} with at most 3 decimals`
const FACTOR_JSON = { type: 'number', minimum: FACTOR.min, maximum: FACTOR.max }
const NO_BOUND: ResolvedBound = { boundMilli: 0, boundScope: 'local' }

/** How far a bound goes, as a number alone, or with its scope, or off. */
export function boundedLoad() {
  const settings = z.strictObject({
    factor: factor('How much more than its share a backend may hold.').prefault(DEFAULT_FACTOR),
    scope: oneOf(
      ['local', 'cluster'],
      'Whose sessions are counted: those of this balancer, or those of all balancers of the cluster.',
    ).prefault('local'),
  })
  return z
    .union([settings, plain()])
    .prefault(DEFAULT_FACTOR)
    .describe('How much more than its share a backend may hold before new keys overflow to another; or off.')
}

/** Of either form. */
export function boundOf(given: z.output<ReturnType<typeof boundedLoad>>): ResolvedBound {
  return 'scope' in given ? { boundMilli: given.factor, boundScope: given.scope } : given
}

/** As it is written: a number alone, where that says all. */
export function describeBound({ boundMilli, boundScope }: ResolvedBound): DescribedBound {
  if (boundMilli === 0) return 'off'
  const factor = boundMilli / 1000
  return boundScope === 'local' ? factor : { factor, scope: boundScope }
}

/** The factor alone, or off. */
function plain(): z.ZodType<ResolvedBound, number | 'off' | false> {
  const accepted = `${ACCEPTED_FACTOR}, { factor, scope } or off`
  const read = (value: unknown): Parsed<ResolvedBound> => {
    if (value === 'off' || value === false) return accept(NO_BOUND)
    if (typeof value === 'string') return refuse(`expected a number or off, got ${show(value)}`, accepted)
    if (value === 0) return refuse('0 is too small: write off for no bound', accepted)
    const parsed = readFactor(value)
    return 'value' in parsed
      ? accept({ boundMilli: parsed.value, boundScope: 'local' })
      : refuse(parsed.refusal.message, accepted)
  }
  return scalar(read, { anyOf: [FACTOR_JSON, { enum: ['off', false] }] })
}

function factor(description: string): z.ZodType<number, number> {
  return scalar(readFactor, { ...FACTOR_JSON, description })
}

/** As an integer number of thousandths, since 1.1 · 50 is more than 55 in a double. */
function readFactor(value: unknown): Parsed<number> {
  const refused = (message: string): Parsed<number> => refuse(message, ACCEPTED_FACTOR)
  if (typeof value !== 'number') return refused(`expected a number, got ${show(value)}`)
  if (Number.isNaN(value) || value < FACTOR.min)
    return refused(`${value} is too small: below 1 there would be no seat for everybody`)
  if (value > FACTOR.max) return refused(`${value} is too large: write off for no bound`)
  const thousandths = Math.round(value * 1000)
  return thousandths / 1000 === value ? accept(thousandths) : refused(`${value} has more than 3 decimals`)
}
