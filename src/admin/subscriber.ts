import type { Writable } from 'node:stream'
import type { EventRing } from './event-ring.ts'

/** What of the answer to a request is used. */
export type EventStream = Pick<Writable, 'write' | 'end' | 'destroy' | 'destroyed' | 'writableNeedDrain' | 'on'>

/** One reader of events. What it does not read yet waits in the ring, which it shares with all; nothing is kept for it alone. */
export class Subscriber {
  readonly #stream: EventStream
  readonly #ring: EventRing
  /** Number of the next event. */
  #next: number

  constructor(stream: EventStream, ring: EventRing, next: number) {
    this.#stream = stream
    this.#ring = ring
    this.#next = next
    stream.on('drain', () => this.send())
  }

  /** Writes what is new, as far as it reads. Who has not read for so long that the ring has lost something is cut. */
  send(): void {
    const { destroyed } = this.#stream
    if (!destroyed && this.#next < this.#ring.first) this.#stream.destroy()
    while (this.#isReading && this.#next <= this.#ring.last) this.#stream.write(this.#ring.at(this.#next++))
  }

  /** A line that says nothing. None for who does not read: a connection where nothing moves is closed by the server. */
  comment(): void {
    if (this.#isReading) this.#stream.write(':\n\n')
  }

  end(): void {
    this.#stream.end()
  }

  get #isReading(): boolean {
    return !this.#stream.destroyed && !this.#stream.writableNeedDrain
  }
}
