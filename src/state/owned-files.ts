import type { ResolvedConfig } from '../config/resolved.ts'
import type { Pools } from '../pool/pools.ts'
import type { KeptChanges } from './kept-changes.ts'

/** The files that a balancer keeps, and their way from one process to the next. */
export class OwnedFiles {
  readonly #pools: Pools
  readonly #kept: KeptChanges

  constructor(pools: Pools, kept: KeptChanges) {
    this.#pools = pools
    this.#kept = kept
  }

  /** Before they are opened: those of these paths are another process's. */
  borrow({ state, pools }: ResolvedConfig, paths: ReadonlySet<string>): void {
    if (state !== undefined && paths.has(state)) this.#kept.borrow()
    for (const [name, { stickTable }] of pools) {
      if (stickTable?.file !== undefined && paths.has(stickTable.file)) this.#pools.core(name).borrowFile()
    }
  }

  /**
   * The other process has left them.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_STATE_FILE`, `LIMPET_ERR_STATE_LOCKED`; errors of `fs`
   */
  async own(): Promise<void> {
    for (const core of this.#pools.cores.values()) core.placeFile()
    await this.#kept.own()
  }
}
