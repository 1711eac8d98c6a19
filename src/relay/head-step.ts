import type { Socket } from 'node:net'
import type { PeekLimits } from './head-peek.ts'
import { readHead } from './read-head.ts'

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
  readonly #client: Socket
  readonly #settings: StepSettings
  readonly #read = (): void => this.#look(false)
  readonly #ended = (): void => this.#look(true)
  #timer: NodeJS.Timeout
  #isSilent: boolean
  #head: Buffer

  constructor(client: Socket, settings: StepSettings) {
    const { silence, timeout } = settings.limits
    this.#client = client
    this.#settings = settings
    this.#head = settings.head ?? Buffer.alloc(0)
    this.#isSilent = silence !== undefined
    this.#timer = this.#timerOf(silence ?? timeout)
    client.on('readable', this.#read)
    client.once('end', this.#ended)
  }

  /** Some need no byte of the client. */
  start(): void {
    this.#look(this.#client.readableEnded)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#client.off('readable', this.#read)
    this.#client.off('end', this.#ended)
  }

  #timerOf(ms: number): NodeJS.Timeout {
    return setTimeout(this.#ended, ms).unref()
  }

  #look(hasEnded: boolean): void {
    const { bytes, timeout } = this.#settings.limits
    this.#head = readHead(this.#client, this.#head, bytes)
    if (this.#isSilent && this.#head.length > 0) {
      this.#isSilent = false
      clearTimeout(this.#timer)
      this.#timer = this.#timerOf(timeout)
    }
    const { head, isDone } = this.#settings.look(this.#head, hasEnded || this.#head.length >= bytes)
    this.#head = head
    if (!isDone) return
    this.stop()
    this.#settings.done(head)
  }
}
