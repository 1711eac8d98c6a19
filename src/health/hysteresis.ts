/** When a backend changes sides. */
export interface HysteresisSettings {
  /** Checks in a row that must go well before a backend is up. */
  rise: number
  /** Checks in a row that must fail before a backend is down. */
  fall: number
}

/** Turns results of checks into up and down: only a row of equal results changes anything. No clock, no input or output. */
export class Hysteresis {
  readonly #settings: HysteresisSettings
  #isUp: boolean | undefined
  /** Results in a row that speak against what is held. */
  #against = 0

  /** `isUp`: what holds before the first result; undefined: the first result decides. */
  constructor(settings: HysteresisSettings, isUp: boolean | undefined) {
    this.#settings = settings
    this.#isUp = isUp
  }

  /** Undefined: there was no result yet. */
  get isUp(): boolean | undefined {
    return this.#isUp
  }

  /** Whether some results speak against what is held, but not enough. */
  get isChanging(): boolean {
    return this.#against > 0
  }

  /** Takes one result; true: it changed what is held. */
  take(isWell: boolean): boolean {
    if (isWell === this.#isUp) {
      this.#against = 0
      return false
    }
    const { rise, fall } = this.#settings
    this.#against++
    if (this.#isUp !== undefined && this.#against < (isWell ? rise : fall)) return false
    this.#against = 0
    this.#isUp = isWell
    return true
  }
}
