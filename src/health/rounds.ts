import { CheckFailure } from './check.ts'
import type { Gate } from './gate.ts'
import { pause } from './pause.ts'

/** Something that is asked again and again. */
export interface Question<Answer> {
  /** The signal is aborted when its time is over, or nobody wants to know any more. A rejection is a {@link CheckFailure}. */
  ask(end: AbortSignal): Promise<Answer>
  /** Told what came of it, but for what nobody wants to know any more. */
  take(answer: Answer | CheckFailure): void
  /** How long to wait until it is asked again, in milliseconds. */
  pauseMs(): number
}

/** Asks at once, and then again and again until it is stopped. */
export class Rounds<Answer> {
  /** Resolved after the first answer, or when there was none. */
  readonly first: Promise<void>
  readonly #question: Question<Answer>
  readonly #gate: Gate
  readonly #longestMs: number
  readonly #stop = new AbortController()

  /** `gate`: shared by all, so many are asked at one time; `longestMs`: an answer that takes longer is none. */
  constructor(question: Question<Answer>, gate: Gate, longestMs: number) {
    this.#question = question
    this.#gate = gate
    this.#longestMs = longestMs
    this.first = this.#once()
    void this.first.then(() => this.#goOn())
  }

  stop(): void {
    this.#stop.abort()
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await pause(this.#question.pauseMs(), signal)
      if (!signal.aborted) await this.#once()
    }
  }

  async #once(): Promise<void> {
    const { signal } = this.#stop
    await this.#gate.pass(async () => {
      // It waited at the gate until then.
      if (signal.aborted) return
      const answer = await this.#ask()
      if (!signal.aborted) this.#question.take(answer)
    })
  }

  async #ask(): Promise<Answer | CheckFailure> {
    // Not AbortSignal.any() of the signal of all rounds, which would remember every one that there ever was.
    const end = new AbortController()
    const abort = (): void => end.abort()
    const timer = setTimeout(abort, this.#longestMs).unref()
    this.#stop.signal.addEventListener('abort', abort)
    try {
      return await this.#question.ask(end.signal)
    } catch (error) {
      return CheckFailure.of(error)
    } finally {
      clearTimeout(timer)
      this.#stop.signal.removeEventListener('abort', abort)
    }
  }
}
