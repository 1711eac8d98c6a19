import type { ResolvedConfig } from '../config/resolved.ts'
import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'
import { overlayOf, type PoolOverlay } from './overlay.ts'
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
  /** The file is another process's: it is read, and neither locked nor written. */
  #isBorrowed = false
  #isRead = false
  /** Those of the process whose place this one takes, which are newer than a file. */
  #taken: SavedState | undefined

  /** @param configured - gives the configuration that holds: what differs from it is kept */
  constructor(cores: ReadonlyMap<string, PoolCore>, configured: () => ResolvedConfig, log: Log) {
    this.#cores = cores
    this.#configured = configured
    this.#log = log
    const { state } = configured()
    this.#file = state === undefined ? undefined : new StateFile(state, log, () => this.collect())
  }

  /**
   * Makes the backends what they were. Once: who tries to listen again has what was kept already.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_STATE_FILE`; `LIMPET_ERR_STATE_LOCKED`: another balancer uses the file
   */
  async restore(): Promise<void> {
    if (this.#isRestored) return
    if (!this.#isBorrowed) this.#file?.lock()
    if (!this.#isRead) restore(this.#cores, this.#taken ?? (await this.#file?.read()) ?? {}, this.#log)
    this.#isRead = true
    if (this.#file !== undefined && !this.#isBorrowed) await this.#begin(this.#file)
  }

  /** Before {@link KeptChanges.restore}: this is what was changed, whatever the file says. */
  take(changes: SavedState): void {
    this.#taken = changes
  }

  /** Before {@link KeptChanges.restore}: the file is another process's until {@link KeptChanges.own}. */
  borrow(): void {
    this.#isBorrowed = true
  }

  /**
   * The other process has left the file.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_STATE_FILE`, `LIMPET_ERR_STATE_LOCKED`
   */
  async own(): Promise<void> {
    if (this.#file === undefined || !this.#isBorrowed) return
    this.#isBorrowed = false
    this.#file.lock()
    await this.#begin(this.#file)
  }

  async #begin(file: StateFile): Promise<void> {
    await file.write()
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

  /** Resolves when that is so, and the file is free for others; what is changed from now on is not kept. */
  async close(): Promise<void> {
    await this.settled()
    this.#isRestored = false
    this.#file?.unlock()
  }

  /** What is changed now. */
  collect(): SavedState {
    const overlays = [...this.#cores].map(([name, core]) => [name, this.changesOf(core)])
    return Object.fromEntries(overlays.filter(([, overlay]) => overlay !== undefined))
  }

  /** What is changed of one pool; undefined: nothing. */
  changesOf(core: PoolCore): PoolOverlay | undefined {
    if (core.discovery !== undefined) return core.discovery.overlay(core.backends())
    return overlayOf(this.#configured().pools.get(core.name)?.backends ?? [], core.backends())
  }
}
