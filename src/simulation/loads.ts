import type { ClusterOptions } from './options.ts'
import type { Roster } from './roster.ts'

/** Sessions on each backend, by balancer, and what each balancer's bound allows: docs/bounded-load.md, with equal weights. */
export class Loads {
  readonly #own: Int32Array[]
  /** What the others were told a second ago; undefined: they are told nothing. */
  readonly #told: Int32Array[] | undefined
  readonly #total: Int32Array
  readonly #toldTotal: Int32Array
  readonly #roster: Roster
  readonly #factor: number | undefined

  /** `most`: backends that there will ever be. */
  constructor({ balancers, factor, scope }: ClusterOptions, roster: Roster, most: number) {
    const columns = (): Int32Array[] => Array.from({ length: balancers }, () => new Int32Array(most))
    this.#own = columns()
    this.#told = scope === 'cluster' ? columns() : undefined
    this.#total = new Int32Array(most)
    this.#toldTotal = new Int32Array(most)
    this.#roster = roster
    this.#factor = factor
  }

  add(balancer: number, backend: number, sessions: 1 | -1): void {
    const own = this.#own[balancer]
    if (own !== undefined) own[backend] = (own[backend] ?? 0) + sessions
    this.#total[backend] = (this.#total[backend] ?? 0) + sessions
  }

  /** Once a second. */
  tell(): void {
    if (this.#told === undefined) return
    for (const [balancer, told] of this.#told.entries()) told.set(this.#own[balancer] ?? [])
    this.#toldTotal.set(this.#total)
  }

  /** The first backend of a key's order that has room there, for one more session. */
  choose(balancer: number, order: () => readonly number[], home: number): number {
    const candidates = this.#roster.members.filter(backend => this.#roster.canServe(backend))
    const most = this.#mostOf(balancer, candidates)
    const hasRoom = (backend: number): boolean => this.#roster.canServe(backend) && this.#seen(balancer, backend) < most
    return hasRoom(home) ? home : (order().find(hasRoom) ?? -1)
  }

  /** Fullest backend, as a multiple of the mean. */
  fullest(): number {
    const loads = this.#roster.members.map(backend => this.#total[backend] ?? 0)
    const sum = loads.reduce((total, load) => total + load, 0)
    return sum === 0 ? 1 : (Math.max(...loads) * loads.length) / sum
  }

  #mostOf(balancer: number, candidates: readonly number[]): number {
    if (this.#factor === undefined) return Number.POSITIVE_INFINITY
    const sessions = candidates.reduce((sum, backend) => sum + this.#seen(balancer, backend), 0)
    return Math.max(1, Math.ceil((Math.round(this.#factor * 1000) * (sessions + 1)) / (1000 * candidates.length)))
  }

  #seen(balancer: number, backend: number): number {
    const own = this.#own[balancer]?.[backend] ?? 0
    if (this.#told === undefined) return own
    return own + (this.#toldTotal[backend] ?? 0) - (this.#told[balancer]?.[backend] ?? 0)
  }
}
