import type { EventEmitter } from 'node:events'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
export type StopSignal = (typeof SIGNALS)[number]

/**
 * A terminal sends Ctrl-C to npm and to its child, and npm passes its own on: under npm the same signal within this time
 * is no second one (measured: 0.6 ms apart). Nobody types Ctrl-C twice as fast.
 */
const PASSED_ON_MS = 100

/** What of the process is used; tests give their own. */
export interface SignalContext {
  /** The same signal within so many milliseconds is no second one. */
  sameWithinMs: number
  /** A monotonic clock, in milliseconds. */
  now: () => number
  /** Sends the process a signal. */
  raise: (signal: StopSignal) => void
}

const PROCESS: SignalContext = {
  sameWithinMs: process.env.npm_command === undefined ? 0 : PASSED_ON_MS,
  now: () => performance.now(),
  raise: signal => process.kill(process.pid, signal),
}

/**
 * Waits for signals that ask to stop: the first to stop gracefully, the second to stop at once. The third does what it
 * does by default, so that whoever asks a third time does not depend on us.
 */
export class StopSignals {
  readonly first: Promise<StopSignal>
  readonly second: Promise<StopSignal>
  readonly #emitter: EventEmitter
  readonly #context: SignalContext
  readonly #resolve: ((signal: StopSignal) => void)[] = []
  #last: { signal: StopSignal; at: number } | undefined

  constructor(emitter: EventEmitter, context: SignalContext = PROCESS) {
    this.#emitter = emitter
    this.#context = context
    this.first = new Promise(resolve => this.#resolve.push(resolve))
    this.second = new Promise(resolve => this.#resolve.push(resolve))
    for (const signal of SIGNALS) emitter.on(signal, this.#received)
  }

  readonly #received = (signal: StopSignal): void => {
    const at = this.#context.now()
    const isSame = this.#last?.signal === signal && at - this.#last.at < this.#context.sameWithinMs
    this.#last = { signal, at }
    if (isSame) return
    const resolve = this.#resolve.shift()
    if (resolve !== undefined) resolve(signal)
    else this.#surrender(signal)
  }

  #surrender(signal: StopSignal): void {
    for (const known of SIGNALS) this.#emitter.off(known, this.#received)
    this.#context.raise(signal)
  }
}
