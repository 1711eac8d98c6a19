/** The last events as text, up to so many characters in all; they have numbers, from 1 on. */
export class EventRing {
  readonly #most: number
  readonly #texts = new Map<number, string>()
  #length = 0
  #last = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Number of the newest; 0: there was none. */
  get last(): number {
    return this.#last
  }

  /** Number of the oldest that is kept; one more than {@link EventRing.last}: none is. */
  get first(): number {
    return this.#last - this.#texts.size + 1
  }

  /** Keeps one more, for which older ones make room. The newest is always kept. */
  add(text: string): void {
    this.#texts.set(++this.#last, text)
    this.#length += text.length
    while (this.#length > this.#most && this.#texts.size > 1) this.#drop(this.first)
  }

  /** Undefined: it is not kept any more, or not there yet. */
  at(number: number): string | undefined {
    return this.#texts.get(number)
  }

  #drop(number: number): void {
    this.#length -= this.#texts.get(number)?.length ?? 0
    this.#texts.delete(number)
  }
}
