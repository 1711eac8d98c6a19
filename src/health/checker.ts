import { setTimeout as sleep } from 'node:timers/promises'
import type { ResolvedHealth } from '../config/resolved.ts'
import { CheckFailure, type CheckTarget, LATE } from './check.ts'
import type { TimedCheck } from './checks/index.ts'
import type { Gate } from './gate.ts'
import { Hysteresis } from './hysteresis.ts'
import { pause } from './pause.ts'

/** What a checker needs besides its backend. */
export interface CheckerContext {
  settings: ResolvedHealth
  check: TimedCheck
  /** Shared by all: so many checks run at one time. */
  gate: Gate
}

/** A check that has not ended so long after its time is given up. */
const GRACE_MS = 1000

/** Checks one backend again and again, and tells when it went up or down. */
export class Checker {
  /** Who is asked; a checker of another address is another checker. */
  readonly target: CheckTarget
  /** How; the same holds of other settings. */
  get settings(): ResolvedHealth {
    return this.#context.settings
  }
  readonly #context: CheckerContext
  readonly #changed: (isUp: boolean, reason: string) => void
  readonly #stop = new AbortController()
  readonly #hysteresis: Hysteresis
  /** Whether what is held was told. */
  #isTold = false
  /** Resolved after the first check. */
  readonly first: Promise<void>

  /** `known`: what was found before, by other checks; undefined: nothing. */
  constructor(
    target: CheckTarget,
    context: CheckerContext,
    changed: (isUp: boolean, reason: string) => void,
    known?: boolean,
  ) {
    this.target = target
    this.#context = context
    this.#changed = changed
    const { initial } = context.settings
    this.#hysteresis = new Hysteresis(context.settings, known ?? (initial === 'check' ? undefined : initial === 'up'))
    this.#isTold = known !== undefined
    this.first = this.#once()
    void this.first.then(() => this.#goOn())
  }

  stop(): void {
    this.#stop.abort()
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const { interval, fastInterval } = this.#context.settings
      const isSettled = this.#isTold && !this.#hysteresis.isChanging
      await pause(isSettled ? interval : Math.min(interval, fastInterval), signal)
      if (!signal.aborted) await this.#once()
    }
  }

  async #once(): Promise<void> {
    const failure = await this.#context.gate.pass(() => this.#ask())
    if (this.#stop.signal.aborted || failure?.isLocal === true) return
    const isWell = failure === undefined
    const isNews = this.#hysteresis.take(isWell) || (!this.#isTold && isWell === this.#hysteresis.isUp)
    if (!isNews) return
    this.#isTold = true
    this.#changed(isWell, failure?.message ?? 'the check went well')
  }

  /** What was wrong; undefined: nothing. */
  async #ask(): Promise<CheckFailure | undefined> {
    const { check } = this.#context
    // It waited at the gate until then.
    if (this.#stop.signal.aborted) return undefined
    // Not AbortSignal.any() of the checker's own signal, which would remember every check that there ever was.
    const end = new AbortController()
    const abort = (): void => end.abort()
    const timer = setTimeout(abort, check.longestMs).unref()
    this.#stop.signal.addEventListener('abort', abort)
    try {
      await Promise.race([check.check(this.target, end.signal), givenUp(end.signal)])
      return undefined
    } catch (error) {
      return CheckFailure.of(error)
    } finally {
      clearTimeout(timer)
      this.#stop.signal.removeEventListener('abort', abort)
    }
  }
}

/** Rejects some time after the signal was aborted: whatever a library does, the next check comes. */
async function givenUp(signal: AbortSignal): Promise<never> {
  await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  await sleep(GRACE_MS, undefined, { ref: false })
  throw new CheckFailure(LATE)
}
