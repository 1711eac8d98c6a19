import { setTimeout as sleep } from 'node:timers/promises'
import type { ResolvedHealth } from '../config/resolved.ts'
import { CheckFailure, type CheckTarget, LATE } from './check.ts'
import type { TimedCheck } from './checks/index.ts'
import type { Gate } from './gate.ts'
import { Hysteresis } from './hysteresis.ts'
import { type Question, Rounds } from './rounds.ts'

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
export class Checker implements Question<undefined> {
  /** Who is asked; a checker of another address is another checker. */
  readonly target: CheckTarget
  /** How; the same holds of other settings. */
  get settings(): ResolvedHealth {
    return this.#context.settings
  }
  readonly #context: CheckerContext
  readonly #changed: (isUp: boolean, reason: string) => void
  readonly #hysteresis: Hysteresis
  readonly #rounds: Rounds<undefined>
  /** Whether what is held was told. */
  #isTold = false

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
    const { settings, check, gate } = context
    const { initial } = settings
    this.#hysteresis = new Hysteresis(settings, known ?? (initial === 'check' ? undefined : initial === 'up'))
    this.#isTold = known !== undefined
    this.#rounds = new Rounds(this, gate, check.longestMs)
  }

  /** Resolved after the first check. */
  get first(): Promise<void> {
    return this.#rounds.first
  }

  stop(): void {
    this.#rounds.stop()
  }

  pauseMs(): number {
    const { interval, fastInterval } = this.settings
    const isSettled = this.#isTold && !this.#hysteresis.isChanging
    return isSettled ? interval : Math.min(interval, fastInterval)
  }

  /** Rejects with what was wrong. */
  async ask(end: AbortSignal): Promise<undefined> {
    await Promise.race([this.#context.check.check(this.target, end), givenUp(end)])
  }

  take(failure: CheckFailure | undefined): void {
    if (failure?.isLocal === true) return
    const isWell = failure === undefined
    const isNews = this.#hysteresis.take(isWell) || (!this.#isTold && isWell === this.#hysteresis.isUp)
    if (!isNews) return
    this.#isTold = true
    this.#changed(isWell, failure?.message ?? 'the check went well')
  }
}

/** Rejects some time after the signal was aborted: whatever a library does, the next check comes. */
async function givenUp(signal: AbortSignal): Promise<never> {
  await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  await sleep(GRACE_MS, undefined, { ref: false })
  throw new CheckFailure(LATE)
}
