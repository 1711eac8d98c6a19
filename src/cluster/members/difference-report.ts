import type { Log } from '../../log/log.ts'
import type { MemberStatus } from './members.ts'

/** Shorter is what a roll-out takes from one balancer to the next. */
const PATIENCE_MS = 15_000

/** Tells the operator of balancers that go on having other pools than this one: each once, until it agrees or differs otherwise. */
export class DifferenceReport {
  readonly #log: Log
  /** Since when, by the monotonic clock, and whether it was told; by name. */
  #differing = new Map<string, { digest: string; since: number; isTold: boolean }>()

  constructor(log: Log) {
    this.#log = log
  }

  look(members: readonly MemberStatus[], now: number = performance.now()): void {
    const differing = members.filter(({ isLive, differences }) => isLive && differences.length > 0)
    const before = this.#differing
    this.#differing = new Map(
      differing.map(({ name, digest, differences }) => {
        const known = before.get(name)
        const one = known?.digest === digest ? known : { digest, since: now, isTold: false }
        if (!one.isTold && now - one.since >= PATIENCE_MS) {
          one.isTold = true
          this.#log.warn({ member: name, differences }, 'another balancer has other pools: it gives other homes')
        }
        return [name, one]
      }),
    )
  }
}
