import type { NativePool } from '../native.ts'
import { readSessions } from './figures.ts'
import type { BackendIndexes } from './indexes.ts'

/** More than a balancer can have; what is above is taken for this. */
const MOST_SESSIONS = 2 ** 32 - 1

interface SharedPool {
  readonly native: NativePool
  readonly settings: { readonly boundScope: 'local' | 'cluster' }
}

/**
 * Sessions of the balancers of a cluster, as they tell each other, for a bound over all of them (`boundedLoad.scope: cluster`).
 * By names: an index is of one process, and a balancer may have other backends than the next.
 */
export class PeerSessions {
  readonly #pool: SharedPool
  readonly #indexes: BackendIndexes

  constructor(pool: SharedPool, indexes: BackendIndexes) {
    this.#pool = pool
    this.#indexes = indexes
  }

  /** Backends that have sessions here, and how many: those that connect, are inherited, or live on after a removal are among them. */
  local(): [name: string, sessions: number][] {
    return readSessions(this.#pool.native, this.#indexes)
  }

  /**
   * Takes what all other balancers have together, by backend: whoever is not named has none. Names of no backend here count
   * nowhere. Without effect while the scope is `local`.
   *
   * @throws a `RangeError`: not a number of sessions
   */
  set(sessions: ReadonlyMap<string, number>): void {
    const { native, settings } = this.#pool
    const counts = new Uint32Array(settings.boundScope === 'local' ? 0 : this.#indexes.end)
    for (const [name, count] of sessions) {
      if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`${name} cannot have ${count} sessions`)
      const index = this.#indexes.of(name)
      if (index !== undefined && index < counts.length) counts[index] = Math.min(count, MOST_SESSIONS)
    }
    native.setPeerSessions(counts)
  }
}
