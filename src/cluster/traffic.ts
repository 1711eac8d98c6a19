import { ADOPTED } from '../native.ts'
import type { AdoptedCounts } from './pool-exceptions.ts'

/** What went to a store and came from it. Counters only grow. */
export class Traffic {
  /** Exceptions that were told. */
  published = 0
  /** Ends of exceptions that were told. */
  ended = 0
  /** Exceptions for which another balancer had been first. */
  lostRaces = 0
  /** What the store did not take. */
  refused = 0
  /** What became of exceptions of others. */
  readonly adopted: AdoptedCounts = Object.fromEntries(ADOPTED.map(name => [name, 0])) as AdoptedCounts
  /** What the store said the last time that it did not take something; undefined: it takes everything again. */
  refusal: string | undefined

  adopt(counts: Partial<AdoptedCounts>): void {
    for (const name of ADOPTED) this.adopted[name] += counts[name] ?? 0
  }

  refuse(error: Error): void {
    this.refused++
    this.refusal = error.message
  }
}
