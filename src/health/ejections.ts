/** When backends are ejected, and for how long. */
export interface EjectionSettings {
  /** Milliseconds: how long the first time. */
  baseTime: number
  /** Per cent of the backends that may be out at one time; one always may. */
  maxEjected: number
}

/** Where the pool is when a backend is to be ejected. */
export interface EjectionScene {
  /** Backends of the pool. */
  backends: number
  /** Others that take new clients now. */
  others: number
}

interface Entry {
  /** How many times in a row, as far as it is remembered. */
  times: number
  /** Undefined: it is not out. */
  until: number | undefined
  /** Since when it is back. */
  backAt: number
}

/** Envoy's max_ejection_time: a longer base time holds, too. */
const LONGEST_MS = 300_000

/**
 * Which backends of a pool are out because sessions failed there, and until when. Each time in a row is longer than the last one by
 * the base time, up to five minutes; each base time in peace takes one off again. No clock, no input or output: times are
 * milliseconds of whatever clock the caller has.
 */
export class Ejections {
  #settings: EjectionSettings
  readonly #entries = new Map<string, Entry>()
  #out = 0

  constructor(settings: EjectionSettings) {
    this.#settings = settings
  }

  /** Other settings, for ejections from now on. */
  configure(settings: EjectionSettings): void {
    this.#settings = settings
  }

  isOut(name: string): boolean {
    return this.#entries.get(name)?.until !== undefined
  }

  /** For how long it is out from now on; undefined: it stays, or is out already. Never the last one, and never too many. */
  eject(name: string, now: number, { backends, others }: EjectionScene): number | undefined {
    const { baseTime, maxEjected } = this.#settings
    const most = Math.max(1, Math.floor((backends * maxEjected) / 100))
    if (this.isOut(name) || others === 0 || this.#out >= most) return undefined
    const longest = Math.max(LONGEST_MS, baseTime)
    // Past the longest time nothing more is to be forgotten, either.
    const times = Math.min(this.#remembered(name, now) + 1, Math.ceil(longest / baseTime))
    const ms = Math.min(times * baseTime, longest)
    this.#entries.set(name, { times, until: now + ms, backAt: 0 })
    this.#out++
    return ms
  }

  /** Names of those whose time is over. */
  due(now: number): string[] {
    const out = [...this.#entries].filter(([, { until }]) => until !== undefined && until <= now)
    return out.map(([name]) => name)
  }

  /** The one whose time is over first; undefined: nobody is out. */
  next(): string | undefined {
    const out = [...this.#entries].flatMap(([name, { until }]) => (until === undefined ? [] : [{ name, until }]))
    return out.sort((left, right) => left.until - right.until)[0]?.name
  }

  /** Lets a backend back in. False: it was not out. */
  readmit(name: string, now: number): boolean {
    const entry = this.#entries.get(name)
    if (entry?.until === undefined) return false
    this.#entries.set(name, { times: entry.times, until: undefined, backAt: now })
    this.#out--
    return true
  }

  /** It is another server now, or none. False: nothing was known of it. */
  forget(name: string): boolean {
    if (this.isOut(name)) this.#out--
    return this.#entries.delete(name)
  }

  #remembered(name: string, now: number): number {
    const entry = this.#entries.get(name)
    if (entry === undefined) return 0
    return Math.max(0, entry.times - Math.floor((now - entry.backAt) / this.#settings.baseTime))
  }
}
