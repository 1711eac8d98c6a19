import type { EventEmitter } from 'node:events'
import type { Balancer } from '../balancer.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { formatProblem } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { problemsOf } from './problems.ts'

const SIGNAL = 'SIGHUP'

/** Reads the configuration again. */
export type ReadAgain = () => Promise<ResolvedConfig>

/**
 * Reloads at SIGHUP, one time after the other: however many signals come while one is under way, the file is read once
 * more after it. Whatever goes wrong is told in the log, and the balancer goes on as it was.
 */
export class Reloading {
  readonly #emitter: EventEmitter
  readonly #readAgain: ReadAgain
  readonly #log: Log
  #balancer: Balancer | undefined
  #isWanted = false
  #isBusy = false

  /** Takes signals from now on; they wait for {@link Reloading.begin}. */
  constructor(emitter: EventEmitter, readAgain: ReadAgain, log: Log) {
    this.#emitter = emitter
    this.#readAgain = readAgain
    this.#log = log
    emitter.on(SIGNAL, this.#received)
  }

  /** The balancer listens. */
  begin(balancer: Balancer): void {
    this.#balancer = balancer
    void this.#work()
  }

  /** From now on signals change nothing, and do not end the process either. */
  stop(): void {
    this.#balancer = undefined
  }

  /** For a process that serves nobody. */
  end(): void {
    this.#emitter.off(SIGNAL, this.#received)
  }

  readonly #received = (): void => {
    this.#isWanted = true
    void this.#work()
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    while (this.#isWanted && this.#balancer !== undefined) {
      this.#isWanted = false
      await this.#reload(this.#balancer)
    }
    this.#isBusy = false
  }

  async #reload(balancer: Balancer): Promise<void> {
    try {
      const config = await this.#readAgain()
      for (const warning of config.warnings) this.#log.warn(warning)
      await balancer.reload(config)
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      const problems = problemsOf(error)?.map(formatProblem)
      this.#log.error(
        { code, ...(problems === undefined ? { error: message } : { problems }) },
        'not reloaded: nothing was changed',
      )
    }
  }
}
