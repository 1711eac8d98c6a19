import { invalidState } from './balancer-errors.ts'
import type { BalancerStatus } from './balancer-types.ts'
import { throwIfAborted } from './errors.ts'
import type { CloseResult } from './service.ts'

/** Where a balancer is in its life, and the ways from one state to the next. */
export class BalancerLife {
  #status: BalancerStatus = 'idle'
  #opening: Promise<void> | undefined
  #closing: Promise<CloseResult> | undefined
  readonly #stopping = new AbortController()
  readonly #hurry = new AbortController()
  readonly #over = new AbortController()
  readonly #closed: () => void

  /** @param closed - called once, when it is closed */
  constructor(closed: () => void) {
    this.#closed = closed
  }

  get status(): BalancerStatus {
    return this.#status
  }

  get isListening(): boolean {
    return this.#status === 'listening'
  }

  /** Aborted when it begins to close. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** Aborted when it must be closed at once. */
  get hurry(): AbortSignal {
    return this.#hurry.signal
  }

  /** Aborted when it is closed. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** Throws if it was opened before, or if that is not wanted any more. */
  assertIdle(signal: AbortSignal | undefined): void {
    if (this.#status !== 'idle') throw invalidState('listen', this.#status)
    throwIfAborted(signal)
  }

  /**
   * From `idle` to `listening`; back, where `open` fails.
   *
   * @param open - called at once; its signal is aborted, too, when closing begins
   */
  async open(signal: AbortSignal | undefined, open: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#status = 'opening'
    const stop = this.#stopping.signal
    this.#opening = open(signal === undefined ? stop : AbortSignal.any([stop, signal]))
    try {
      await this.#opening
    } catch (error) {
      if (stop.aborted) throw invalidState('listen', 'closing', error)
      this.#status = 'idle'
      throw error
    }
    if (stop.aborted) throw invalidState('listen', 'closing')
    this.#status = 'listening'
  }

  /**
   * From any state to `closed`; the first call does it, every other one gets its result.
   *
   * @param shutDown - called at once, with what is to be awaited where it is being opened
   */
  close(shutDown: (opening: Promise<void> | undefined) => Promise<CloseResult>): Promise<CloseResult> {
    this.#closing ??= this.#close(shutDown)
    return this.#closing
  }

  /** Whoever closes waits for no session any more. */
  hurryUp(): void {
    this.#hurry.abort()
  }

  async #close(shutDown: (opening: Promise<void> | undefined) => Promise<CloseResult>): Promise<CloseResult> {
    // How it went is the business of listen().
    const opening = this.#status === 'opening' ? this.#opening?.catch(() => undefined) : undefined
    this.#status = 'closing'
    this.#stopping.abort()
    const result = await shutDown(opening)
    this.#status = 'closed'
    this.#over.abort()
    this.#closed()
    return result
  }
}
