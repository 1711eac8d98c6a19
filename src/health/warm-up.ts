import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'

const STEPS = 50
const [SHORTEST_MS, LONGEST_MS] = [100, 5000]

/** Lets the backends of a pool that warm up take more and more, and says when they begin and when they are warm. */
export class WarmUp {
  readonly #core: PoolCore
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #cold = new Set<string>()

  constructor(core: PoolCore, log: Log) {
    this.#core = core
    this.#log = log
    const stepMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, core.settings.slowStart / STEPS))
    core.reports.startSlowly(true)
    this.#timer = setInterval(() => this.#step(), stepMs).unref()
  }

  stop(): void {
    this.#core.reports.startSlowly(false)
    clearInterval(this.#timer)
  }

  #step(): void {
    if (this.#core.isClosed) return
    const cold = new Set(this.#core.reports.warmUp())
    const { name: pool, settings } = this.#core
    for (const name of cold) {
      if (!this.#cold.has(name)) this.#log.info({ pool, name, slowStart: settings.slowStart }, 'a backend warms up')
    }
    for (const name of this.#cold) {
      if (!cold.has(name)) this.#log.info({ pool, name }, 'a backend is warm, or serves no more')
    }
    this.#cold = cold
  }
}
