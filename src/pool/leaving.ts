import type { PoolCore } from './core.ts'

/** Nobody is told when the last session of a pool ends: the threads of the relay call for none. */
const LOOK_MS = 200

/** Pools that no configuration has any more, until their last sessions have ended. */
export class LeavingPools {
  readonly #isUsed: (core: PoolCore) => boolean
  readonly #cores = new Set<PoolCore>()
  #timer: NodeJS.Timeout | undefined

  constructor(isUsed: (core: PoolCore) => boolean) {
    this.#isUsed = isUsed
  }

  add(core: PoolCore): void {
    core.retire()
    this.#cores.add(core)
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
  }

  /** No session is left. */
  close(): void {
    this.#end()
    for (const core of this.#cores) core.close()
    this.#cores.clear()
  }

  #look(): void {
    for (const core of this.#cores) {
      if (this.#isUsed(core)) continue
      this.#cores.delete(core)
      core.close()
    }
    if (this.#cores.size === 0) this.#end()
  }

  #end(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
