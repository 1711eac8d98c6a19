/** A client that was moved has come to its new backend after so long, or does not come. */
const COMING_MS = 5000

interface Move {
  readonly to: string
  readonly at: number
}

/** Who was moved whereto a short while ago. No input or output but a clock. */
export class RecentMoves {
  readonly #minAge: () => number
  readonly #now: () => number
  /** By key, the oldest first. */
  readonly #moves = new Map<string, number>()
  /** The oldest first. */
  #coming: Move[] = []

  /** `minAge`: for how many milliseconds nobody is moved again; at least until his sessions have ended for certain. */
  constructor(minAge: () => number, now: () => number = () => performance.now()) {
    this.#minAge = minAge
    this.#now = now
  }

  get #keepMs(): number {
    return Math.max(this.#minAge(), COMING_MS)
  }

  add(key: string, to: string): void {
    const at = this.#now()
    this.#moves.delete(key)
    this.#moves.set(key, at)
    this.#coming.push({ to, at })
    for (const [old, then] of this.#moves) {
      if (at - then < this.#keepMs) break
      this.#moves.delete(old)
    }
  }

  /** Whether it must not be moved again yet. */
  hasMoved(key: string): boolean {
    const at = this.#moves.get(key)
    return at !== undefined && this.#now() - at < this.#keepMs
  }

  /** How many may still be on their way to a backend. */
  comingTo(backend: string): number {
    const now = this.#now()
    this.#coming = this.#coming.filter(({ at }) => now - at < COMING_MS)
    return this.#coming.filter(({ to }) => to === backend).length
  }
}
