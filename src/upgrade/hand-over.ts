import { LimpetError } from '../errors.ts'
import type { PoolCore } from '../pool/core.ts'
import type { KeptChanges } from '../state/kept-changes.ts'
import type { SavedState } from '../state/state-file.ts'

/** Sessions on each backend that has any, by pool. */
export type LiveSessions = ReadonlyMap<string, ReadonlyMap<string, number>>

/** What a balancer gives to the process that takes its place, and what it got from the one whose place it has taken. */
export class HandOver {
  readonly #cores: ReadonlyMap<string, PoolCore>
  readonly #kept: KeptChanges
  /** The process that has been given the changes. */
  #successor: number | undefined

  constructor(cores: ReadonlyMap<string, PoolCore>, kept: KeptChanges) {
    this.#cores = cores
    this.#kept = kept
  }

  /**
   * Gives what was changed of the backends since the configuration was read. From now on nothing can be changed here: the
   * other process would not know.
   */
  begin(successor: number): SavedState {
    this.#successor = successor
    return this.#kept.collect()
  }

  /** The other process has given up. */
  cancel(): void {
    this.#successor = undefined
  }

  /** Whether nobody has been given the changes. */
  get canChange(): boolean {
    return this.#successor === undefined
  }

  /** @throws {@link LimpetError} `LIMPET_ERR_HANDED_OVER` */
  assertChangeable(): void {
    if (this.#successor === undefined) return
    const who = `process ${this.#successor}`
    throw new LimpetError('LIMPET_ERR_HANDED_OVER', `${who} takes the place of this one: ask that one in a moment`)
  }

  /** Before `listen()`: the backends will be as they were changed in the process whose place this one takes. */
  take(changes: SavedState): void {
    this.#kept.take(changes)
  }

  /** What lives now, what was inherited included. */
  live(): LiveSessions {
    const open = [...this.#cores.values()].filter(core => !core.isClosed)
    return new Map(open.map(core => [core.name, liveOn(core)]))
  }

  /** What lives in the other process now; a pool that is left out is as it was. */
  inherit(live: LiveSessions): void {
    for (const [pool, sessions] of live) {
      const core = this.#cores.get(pool)
      if (core === undefined || core.isClosed) continue
      for (const { name } of core.backends()) core.native.inherit(name, sessions.get(name) ?? 0)
    }
  }

  /** The other process has ended. */
  disinherit(): void {
    this.inherit(new Map([...this.#cores.keys()].map(pool => [pool, new Map()])))
  }
}

function liveOn(core: PoolCore): Map<string, number> {
  const figures = core.figures()
  const all = [...core.backends()].map(({ name }): [string, number] => [name, figures(name).sessions])
  return new Map(all.filter(([, sessions]) => sessions > 0))
}
