import { native } from '../native.ts'

/** Wrong tokens that one address may show at once; then one each interval. */
export const BURST = 10
export const INTERVAL_MS = 3000
/** Addresses that are remembered; past these, the one whose last wrong token is the longest ago is forgotten. */
const MOST = 4096
const LOG_INTERVAL_MS = 60_000
/** Whoever has one IPv6 address mostly has all of its /64. */
const PREFIXES = [32, 64] as const

/** Counts wrong tokens by address, in bounded memory. Whoever shows too many is not listened to for a moment; nobody else is held up. */
export class WrongTokens {
  readonly #now: () => number
  readonly #tell: (address: string) => void
  /** When everything that came from an address is forgiven, an interval for each. */
  readonly #due = new Map<string, number>()
  #toldAt = Number.NEGATIVE_INFINITY

  /** @param tell - told of an address that shows too many, once a minute at most */
  constructor(tell: (address: string) => void, now: () => number = () => performance.now()) {
    this.#tell = tell
    this.#now = now
  }

  /** Milliseconds until a token that comes from there is looked at; 0: it is now. */
  waitMs(address: string): number {
    const due = this.#due.get(groupOf(address)) ?? 0
    return Math.max(0, due - this.#now() - (BURST - 1) * INTERVAL_MS)
  }

  count(address: string): void {
    const [group, now] = [groupOf(address), this.#now()]
    const due = Math.max(now, this.#due.get(group) ?? 0) + INTERVAL_MS
    // The order is that of the last one.
    this.#due.delete(group)
    this.#due.set(group, due)
    for (const oldest of this.#due.keys()) {
      if (this.#due.size <= MOST) break
      this.#due.delete(oldest)
    }
    if (this.waitMs(address) === 0 || now < this.#toldAt + LOG_INTERVAL_MS) return
    this.#toldAt = now
    this.#tell(address)
  }
}

function groupOf(address: string): string {
  return native().keyText(address, ...PREFIXES) ?? address
}
