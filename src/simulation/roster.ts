import { Placement } from '../core/placement.ts'

/** The backends of a simulation by number; numbers are never used again. Homes are those of Limpet's own placement. */
export class Roster {
  readonly isUp: boolean[] = []
  readonly #secret: string
  #now: Membership
  #next: Membership

  constructor(backends: number, seed: number) {
    this.#secret = `simulation ${seed}`
    const members = Array.from({ length: backends }, (_, backend) => backend)
    for (const backend of members) this.isUp[backend] = true
    this.#now = new Membership(members, this.#secret)
    this.#next = this.#now
  }

  get members(): readonly number[] {
    return this.#now.members
  }

  canServe(backend: number): boolean {
    return this.isUp[backend] === true && this.#now.has(backend)
  }

  homeOf(key: number): number {
    return this.#now.homeOf(key)
  }

  /** Best first. */
  orderOf(key: number): number[] {
    return this.#now.orderOf(key)
  }

  /** A backend more, or one, the youngest, less: not before {@link Roster.switch}. */
  announce(what: 'add' | 'remove'): void {
    const { members } = this.#now
    const added = this.isUp.length
    if (what === 'add') this.isUp.push(true)
    this.#next = new Membership(what === 'add' ? [...members, added] : members.slice(0, -1), this.#secret)
  }

  nextHomeOf(key: number): number {
    return this.#next.homeOf(key)
  }

  staysMember(backend: number): boolean {
    return this.#next.has(backend)
  }

  switch(): void {
    this.#now = this.#next
  }
}

class Membership {
  readonly members: readonly number[]
  readonly #places: ReadonlySet<number>
  readonly #placement: Placement
  readonly #key = Buffer.alloc(8)

  constructor(members: readonly number[], secret: string) {
    this.members = members
    this.#places = new Set(members)
    this.#placement = new Placement({ secret, backends: members.map(backend => ({ name: String(backend) })) })
  }

  has(backend: number): boolean {
    return this.#places.has(backend)
  }

  homeOf(key: number): number {
    return Number(this.#placement.home(this.#bytesOf(key)) ?? -1)
  }

  orderOf(key: number): number[] {
    return this.#placement.order(this.#bytesOf(key)).map(Number)
  }

  #bytesOf(key: number): Buffer {
    this.#key.writeDoubleLE(key)
    return this.#key
  }
}
