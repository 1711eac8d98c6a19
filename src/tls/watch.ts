/** How often files of TLS are looked at. They are read when they look the same two times in a row. */
const EVERY_MS = 1000

/** Somebody with files that may change. */
export interface Watched {
  /** Looks at them; never rejects. */
  look(): Promise<void>
}

/** Looks again and again at the files of those that hold now; where there are none it does nothing. */
export class TlsWatch {
  readonly #watched: () => Iterable<Watched>
  #timer: NodeJS.Timeout | undefined
  #isLooking = false

  constructor(watched: () => Iterable<Watched>) {
    this.#watched = watched
  }

  /** Begins, if there is anybody; to be called whenever there may be others. */
  follow(): void {
    const [first] = this.#watched()
    if (first === undefined) this.stop()
    else this.#timer ??= setInterval(() => void this.#look(), EVERY_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** One after the other; a slow disk makes it seldom. */
  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    for (const one of [...this.#watched()]) await one.look()
    this.#isLooking = false
  }
}
