import { unknownPool } from '../balancer-errors.ts'
import type { ResolvedPool } from '../config/resolved.ts'
import { PoolCore } from './core.ts'
import { Pool, type PoolOwner } from './pool.ts'

/** The pools of a balancer, by name. */
export class Pools {
  readonly #owner: PoolOwner
  readonly #follow: (core: PoolCore) => void
  readonly #cores = new Map<string, PoolCore>()
  readonly #pools = new Map<string, Pool>()
  /** The pool if there is one only: picks by the million ask for it. */
  #only: Pool | undefined

  /** @param follow - called for each that is made, to be told what it does */
  constructor(settings: Iterable<ResolvedPool>, owner: PoolOwner, follow: (core: PoolCore) => void) {
    this.#owner = owner
    this.#follow = follow
    for (const pool of settings) this.add(this.make(pool))
  }

  /** One that is not among them yet. */
  make(settings: ResolvedPool): PoolCore {
    const core = new PoolCore(settings)
    this.#follow(core)
    return core
  }

  add(core: PoolCore): void {
    this.#cores.set(core.name, core)
    this.#pools.set(core.name, new Pool(core, this.#owner))
    this.#only = this.#pools.size === 1 ? this.#pools.get(core.name) : undefined
  }

  remove(core: PoolCore): void {
    this.#cores.delete(core.name)
    this.#pools.delete(core.name)
    this.#only = this.#pools.size === 1 ? [...this.#pools.values()][0] : undefined
  }

  /** Those that there are now, also when it is looked at later. */
  get cores(): ReadonlyMap<string, PoolCore> {
    return this.#cores
  }

  core(name: string): PoolCore {
    const core = this.#cores.get(name)
    if (core === undefined) throw new RangeError(`there is no pool ${name}`)
    return core
  }

  /** The face of one; `name` may be left out if there is only one. */
  get(name: string | undefined): Pool {
    const pool = name === undefined ? this.#only : this.#pools.get(name)
    if (pool !== undefined) return pool
    throw unknownPool(name, this.#pools.keys())
  }
}
