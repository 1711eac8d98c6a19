import type { Refusal } from './parsed.ts'
import { LIMITS, RING_POINTS } from './schema.ts'

/** Why a ring cannot be made. */
export interface RingRefusal extends Refusal {
  accepted: string
  /** Sum of the weights. */
  weights: number
}

/** Checks the weights of all backends of a ring, which has points for each unit of them. */
export function ringRefusal(backends: Iterable<{ weight: number }>): RingRefusal | undefined {
  let weights = 0
  for (const { weight } of backends) weights += weight
  const points = weights * RING_POINTS
  if (points <= LIMITS.ringPoints) return undefined
  const divisor = Math.ceil(points / LIMITS.ringPoints)
  const number = (value: number): string => value.toLocaleString('en')
  return {
    weights,
    message: `the ring would have ${number(points)} points, ${RING_POINTS} for each unit of weight: divide the weights by ${divisor} or more`,
    accepted: `weights of ${number(Math.floor(LIMITS.ringPoints / RING_POINTS))} in all, or placement rendezvous`,
  }
}
