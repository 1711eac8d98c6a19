import { FULL_RAMP } from '../native.ts'

/** Which backends of a pool warm up, and how far they are. No clock, no input or output: `now` is milliseconds of any clock. */
export class SlowStart {
  #ms: number
  readonly #since = new Map<string, number>()

  /** `ms`: how long it takes. */
  constructor(ms: number) {
    this.#ms = ms
  }

  /** Another time, for those that warm up now, too; 0: they are warm. */
  configure(ms: number): void {
    this.#ms = ms
    if (ms === 0) this.#since.clear()
  }

  /** A backend that served nobody serves again. */
  begin(name: string, now: number): void {
    this.#since.set(name, now)
  }

  /** It serves nobody any more, or is gone. */
  end(name: string): void {
    this.#since.delete(name)
  }

  /** The part of its clients that it takes, 1 to {@link FULL_RAMP}. Grows evenly. */
  rampOf(name: string, now: number): number {
    const since = this.#since.get(name)
    if (since === undefined) return FULL_RAMP
    const ramp = Math.floor((FULL_RAMP * (now - since)) / this.#ms)
    return Math.min(FULL_RAMP, Math.max(1, ramp))
  }

  /** Names of those that were not yet warm when it was asked for the last time; those that are now are told once more. */
  names(now: number): string[] {
    const names = [...this.#since.keys()]
    for (const name of names) if (this.rampOf(name, now) === FULL_RAMP) this.#since.delete(name)
    return names
  }
}
