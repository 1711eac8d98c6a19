import { SESSION_COUNTERS, type SessionCounter } from '../native.ts'
import type { SessionCounts } from '../relay/counters.ts'
import type { Log } from './log.ts'

/** At most one line in this time, however many clients are refused. */
const EVERY_MS = 5000

const isTrouble = (name: SessionCounter): boolean =>
  name.startsWith('refused') || name.startsWith('connect') || name === 'endError'

/** Tells the operator, in time and not too often, that clients were refused and that connects to backends failed. */
export class TroubleReport {
  readonly #log: Log
  readonly #counts: () => SessionCounts
  #before: SessionCounts
  readonly #timer: NodeJS.Timeout

  constructor(log: Log, counts: () => SessionCounts) {
    this.#log = log
    this.#counts = counts
    this.#before = counts()
    this.#timer = setInterval(() => this.#report(), EVERY_MS).unref()
  }

  /** Reports what is new since the last time, and stops. */
  stop(): void {
    clearInterval(this.#timer)
    this.#report()
  }

  #report(): void {
    const now = this.#counts()
    const news = SESSION_COUNTERS.filter(name => isTrouble(name) && now[name] > this.#before[name])
    const facts = Object.fromEntries(news.map(name => [name, now[name] - this.#before[name]]))
    this.#before = now
    if (news.length > 0) this.#log.warn(facts, 'clients were refused, or backends could not be reached')
  }
}
