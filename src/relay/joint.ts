import type { Socket } from 'node:net'
import type { ResolvedTimeouts } from '../config/resolved.ts'
import type { SessionFilters } from '../cookies/cookie-session.ts'
import type { SessionCounter } from '../native.ts'
import type { Answer } from './answer.ts'
import { carry } from './direction.ts'

type Direction = 'bytesToBackend' | 'bytesToClient'

/** Two sockets to be joined. */
export interface JointSettings {
  readonly client: Socket
  readonly backend: Socket
  readonly timeouts: Pick<ResolvedTimeouts, 'idle' | 'fin'>
  readonly filters: SessionFilters
  /** What the backend says first is looked at; undefined: nothing is learnt from it. */
  readonly answer: Answer | undefined
}

export interface JointEvents {
  /** So many bytes were given to the system. */
  passedOn(direction: Direction, bytes: number): void
  /** The backend has said its first byte. */
  answered(): void
  over(cause: SessionCounter): void
}

/** A client and its backend, joined: carries bytes both ways until both have ended, or a time limit has come. */
export class Joint {
  bytesToBackend = 0
  bytesToClient = 0
  hasAnswer = false
  /** By the clock of `performance.now()`. */
  lastByteAt = performance.now()
  readonly #settings: JointSettings
  readonly #events: JointEvents
  #answer: Answer | undefined
  /** Directions that are over. */
  #ended = 0
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(settings: JointSettings, events: JointEvents) {
    this.#settings = settings
    this.#answer = settings.answer
    this.#events = events
  }

  /** `head`: what was read of the client before. */
  start(head: Buffer | undefined): void {
    const { client, backend, filters } = this.#settings
    this.#passHead(head)
    const onward = {
      received: () => this.#active(),
      passedOn: (bytes: number) => this.#passedOn('bytesToBackend', bytes),
      broken: () => this.#events.over('endClientReset'),
      ended: () => this.#directionEnded(),
    }
    carry(client, backend, onward, filters.toBackend)
    const back = {
      received: (bytes: Buffer) => this.#answered(bytes),
      passedOn: (bytes: number) => this.#passedOn('bytesToClient', bytes),
      broken: () => this.#events.over('endBackendReset'),
      ended: () => this.#directionEnded(),
    }
    carry(backend, client, back, filters.toClient)
    this.#restartTimer()
  }

  /** Nobody is told of anything any more. */
  stop(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  #passHead(head: Buffer | undefined): void {
    if (head === undefined || head.length === 0) return
    const { backend, filters } = this.#settings
    const bytes = filters.toBackend === undefined ? head : filters.toBackend.push(head)
    if (bytes.length === 0) return
    backend.write(bytes, error => {
      if (!error) this.#passedOn('bytesToBackend', bytes.length)
    })
  }

  #active(): void {
    this.lastByteAt = performance.now()
  }

  #answered(bytes: Buffer): void {
    this.#active()
    if (this.#isOver) return
    if (this.#answer?.take(bytes) === false) this.#answer = undefined
    if (this.hasAnswer) return
    this.hasAnswer = true
    this.#events.answered()
  }

  #passedOn(direction: Direction, bytes: number): void {
    // What comes after the record of the session would be missing there.
    if (this.#isOver) return
    this[direction] += bytes
    this.#events.passedOn(direction, bytes)
    this.#active()
  }

  #directionEnded(): void {
    this.#ended++
    if (this.#ended === 2) this.#events.over('endFinished')
    else this.#restartTimer()
  }

  /** The time limit that holds now: for silence both ways, or for silence in the direction that is left. */
  get #limit(): { afterMs: number; cause: SessionCounter } {
    const { idle, fin } = this.#settings.timeouts
    return this.#ended > 0 ? { afterMs: fin, cause: 'endFinTimeout' } : { afterMs: idle, cause: 'endIdleTimeout' }
  }

  #restartTimer(): void {
    this.#active()
    if (!this.#isOver) this.#sleep(this.#limit.afterMs)
  }

  #sleep(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#checkTime(), ms).unref()
  }

  /** One timer a session that looks back when it rings is cheaper than one that every byte restarts. */
  #checkTime(): void {
    const { afterMs, cause } = this.#limit
    const leftMs = this.lastByteAt + afterMs - performance.now()
    if (leftMs > 0) this.#sleep(Math.ceil(leftMs))
    else this.#events.over(cause)
  }
}
