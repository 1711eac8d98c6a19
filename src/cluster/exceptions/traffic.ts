import { ADOPTED } from '../../native.ts'
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
  /** What the store said of what it does not take, by what that is. */
  readonly #refusals = new Map<string, string>()

  /** What the store does not take, as it says; undefined: it takes everything. */
  get refusal(): string | undefined {
    return [...this.#refusals.values()].at(-1)
  }

  adopt(counts: Partial<AdoptedCounts>): void {
    for (const name of ADOPTED) this.adopted[name] += counts[name] ?? 0
  }

  /** It did not take an exception, or its end. */
  refuse(what: string, error: Error): void {
    this.refused++
    this.complain(what, error)
  }

  /** It did not take something else. */
  complain(what: string, error: Error): void {
    this.#refusals.set(what, error.message)
  }

  took(what: string): void {
    this.#refusals.delete(what)
  }

  /** Another connection, and perhaps another store. */
  forgive(): void {
    this.#refusals.clear()
  }
}
