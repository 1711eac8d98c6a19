import { Placement } from '../../core/placement.ts'
import { backendNames, clientAddress } from '../clients.ts'
import type { Cell, Measure } from '../rounds.ts'
import { peakToMean, relativeDeviation } from '../statistics.ts'
import { type AffinitySubject, type Member, RENDEZVOUS, RING, secretOf } from './subjects.ts'
import { deviationOfKeys, deviationOfShares, PEAKS } from './theory.ts'

/** Equal backends. */
export function equal(count: number): Member[] {
  return backendNames(count).map(name => ({ name, weight: 1 }))
}

/** Other clients in every round, the same in every run. */
export function clients(round: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => clientAddress(round * count + index))
}

/** How evenly clients spread over equal backends. */
export function balanceCell(subject: AffinitySubject, backends: number, keys: number): Cell {
  const expected = deviationOfKeys(subject.name, subject.points, backends, keys)
  return {
    trial: `balance of ${keys.toLocaleString('en')} clients`,
    subject: subject.name,
    at: { name: 'backends', value: backends },
    measures: measures(expected, undefined),
    run: async round => {
      const counts = new Float64Array(backends)
      for (const home of subject.homes(equal(backends), round)(clients(round, keys)))
        counts[home] = (counts[home] ?? 0) + 1
      return figures(counts)
    },
  }
}

/** The same of the whole key space, which Limpet's own can tell: no sample, so no noise. */
export function sharesCell({ name, points }: AffinitySubject, backends: number): Cell {
  const placement = name === RING.name ? 'ring' : 'rendezvous'
  return {
    trial: 'balance of all keys',
    subject: name,
    at: { name: 'backends', value: backends },
    measures: measures(deviationOfShares(name, points, backends), PEAKS[name]?.[backends]),
    run: async round => {
      const made = new Placement({ placement, secret: secretOf(round), backends: equal(backends) })
      return figures([...made.shares().values()])
    },
  }
}

/** Who can tell the shares of all keys. */
export const EXACT: readonly AffinitySubject[] = [RENDEZVOUS, RING]

function measures(deviation: number, peak: number | undefined): Measure[] {
  return [
    { metric: 'relative standard deviation', unit: '%', better: 'lower', expected: deviation },
    { metric: 'fullest backend', unit: '× mean', better: 'lower', expected: peak },
  ]
}

function figures(counts: ArrayLike<number>): number[] {
  return [100 * relativeDeviation(counts), peakToMean(counts)]
}
