import type { EventEmitter } from 'node:events'
import type { Balancer } from '../balancer.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { formatProblem, LimpetError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { ServiceManager } from '../os/service-manager.ts'
import type { ReloadResult } from '../reload/result.ts'
import { Turns } from '../turns.ts'
import { problemsOf } from './problems.ts'

const SIGNAL = 'SIGHUP'
/** What a service manager is told of a process that is well. */
export const SERVING = 'serving'

/** Reads the configuration again. */
export type ReadAgain = () => Promise<ResolvedConfig>

/**
 * Reloads at SIGHUP and for the admin API, one time after the other: however many signals come while one is under way, the
 * file is read once more after it. Whatever goes wrong is told in the log, and the balancer goes on as it was.
 */
export class Reloading {
  readonly #emitter: EventEmitter
  readonly #readAgain: ReadAgain
  readonly #log: Log
  readonly #manager: ServiceManager
  #balancer: Balancer | undefined
  #config: ResolvedConfig
  #isWanted = false
  #isBusy = false
  readonly #turns = new Turns()

  /** Takes signals from now on; they wait for {@link Reloading.begin}. */
  constructor(emitter: EventEmitter, config: ResolvedConfig, readAgain: ReadAgain, log: Log, manager: ServiceManager) {
    this.#emitter = emitter
    this.#config = config
    this.#readAgain = readAgain
    this.#log = log
    this.#manager = manager
    emitter.on(SIGNAL, this.#received)
  }

  /** The configuration that holds. */
  readonly config = (): ResolvedConfig => this.#config

  /** The balancer listens. */
  begin(balancer: Balancer): void {
    this.#balancer = balancer
    void this.#work()
  }

  /**
   * Reads the configuration again, after every reload that was asked for before, and applies it.
   *
   * @throws as {@link Balancer.reload}, and what reading it throws
   */
  readonly reload = (): Promise<ReloadResult> => this.#turns.take(() => this.#reload())

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
      // What goes wrong is in the log.
      await this.reload().catch(() => undefined)
    }
    this.#isBusy = false
  }

  async #reload(): Promise<ReloadResult> {
    let status = SERVING
    try {
      const balancer = this.#listening()
      this.#manager.reloading()
      const config = await this.#readAgain()
      for (const warning of config.warnings) this.#log.warn(warning)
      const result = await balancer.reload(config)
      this.#log.level = config.log.level
      this.#config = config
      return result
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      const problems = problemsOf(error)?.map(formatProblem)
      this.#log.error(
        { code, ...(problems === undefined ? { error: message } : { problems }) },
        'not reloaded: nothing was changed',
      )
      status = `${SERVING} as before: the last reload failed`
      throw error
    } finally {
      if (this.#balancer !== undefined) this.#manager.ready(status)
    }
  }

  #listening(): Balancer {
    if (this.#balancer !== undefined) return this.#balancer
    throw new LimpetError('LIMPET_ERR_INVALID_STATE', 'the balancer does not listen yet, or not any more')
  }
}
