import type { ResolvedConfig } from '../config/resolved.ts'
import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'
import { overlayOf } from './overlay.ts'
import { restore } from './restore.ts'
import { type SavedState, StateFile } from './state-file.ts'

/** Keeps changes of backends over a restart, where the configuration names a file for them (`state`). */
export class KeptChanges {
  readonly #cores: ReadonlyMap<string, PoolCore>
  readonly #configured: () => ResolvedConfig
  readonly #log: Log
  /** Undefined: nothing is kept. */
  readonly #file: StateFile | undefined
  /** Until then what was kept must not be overwritten. */
  #isRestored = false

  /** @param configured - gives the configuration that holds: what differs from it is kept */
  constructor(cores: ReadonlyMap<string, PoolCore>, configured: () => ResolvedConfig, log: Log) {
    this.#cores = cores
    this.#configured = configured
    this.#log = log
    const { state } = configured()
    this.#file = state === undefined ? undefined : new StateFile(state, log, () => this.#collect())
  }

  /**
   * Makes the backends what they were. Once: who tries to listen again has what was kept already.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_STATE_FILE`
   */
  async restore(): Promise<void> {
    if (this.#file === undefined || this.#isRestored) return
    restore(this.#cores, await this.#file.read(), this.#log)
    await this.#file.write()
    this.#isRestored = true
  }

  /** Backends were changed: it is written in a moment. */
  changed(): void {
    if (this.#isRestored) this.#file?.changed()
  }

  /** Resolves when everything is written that was changed before. */
  async settled(): Promise<void> {
    await this.#file?.settled()
  }

  #collect(): SavedState {
    const { pools } = this.#configured()
    const overlays = [...this.#cores].map(([name, core]) => [
      name,
      overlayOf(pools.get(name)?.backends ?? [], core.backends()),
    ])
    return Object.fromEntries(overlays.filter(([, overlay]) => overlay !== undefined))
  }
}
