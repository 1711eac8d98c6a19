import type { NativePlacement } from '../../native.ts'
import type { PoolCore } from '../../pool/core.ts'
import { identityOf } from '../../pool/indexes.ts'
import { placementWeight } from '../../pool/plan.ts'
import type { HomeBackend } from './announcement.ts'

/** Where clients of a pool are at home with other backends than it has: as other balancers have it, or will have it. */
export class OtherHomes {
  readonly placement: NativePlacement
  readonly #core: PoolCore
  readonly #names: string[]
  readonly #known: ReadonlySet<string>

  constructor(core: PoolCore, backends: readonly HomeBackend[]) {
    this.#core = core
    this.#names = backends.map(({ name }) => name)
    this.#known = new Set(this.#names)
    this.placement = core.placementOf(this.#names, Uint32Array.from(backends, placementWeight))
  }

  /** Whether the backend is a member there. */
  has(name: string): boolean {
    return this.#known.has(name)
  }

  /** The backends as the native pool knows them now; -1: it does not. */
  identities(): Float64Array {
    return Float64Array.from(this.#names, name => {
      const place = this.#core.placeOf(name)
      return place === undefined ? -1 : identityOf(place)
    })
  }
}
