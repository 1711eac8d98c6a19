import type { Socket } from 'node:net'
import { FirstBytes, type PeekLimits } from './first-bytes.ts'

/** What came of a look at first bytes. */
export interface HeadLooked {
  /** Those that are left of them. */
  readonly head: Buffer
  /** False: more are needed to tell. */
  readonly isDone: boolean
}

/** Where to begin, how long to go on, and who looks. */
export interface StepSettings {
  readonly limits: PeekLimits
  /** What was read before. */
  readonly head: Buffer | undefined
  /** `isEnded`: no more bytes will come, and it must be done. */
  look(head: Buffer, isEnded: boolean): HeadLooked
  /** Called once with what was read and is left, not before {@link HeadStep.start}; after {@link HeadStep.stop} not at all. */
  done(head: Buffer): void
}

/** Looks at the first bytes of a client in JavaScript before anybody looks for a key there. */
export class HeadStep {
  readonly #settings: StepSettings
  readonly #first: FirstBytes

  constructor(client: Socket, settings: StepSettings) {
    this.#settings = settings
    this.#first = new FirstBytes(client, settings.limits, settings.head, {
      look: isFinal => this.#look(isFinal),
      late: () => this.#late(),
    })
  }

  start(): void {
    this.#first.start()
  }

  stop(): void {
    this.#first.stop()
  }

  #late(): void {
    this.#first.read()
    this.#look(true)
  }

  #look(isFinal: boolean): void {
    const { head, isDone } = this.#settings.look(this.#first.bytes, isFinal)
    this.#first.bytes = head
    if (!isDone) return
    this.stop()
    this.#settings.done(head)
  }
}
