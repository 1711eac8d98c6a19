import type { BackendAddress } from '../config/address.ts'
import { discoveryText } from '../config/discovery.ts'
import { changedConfig } from '../config/resolve.ts'
import type { ResolvedConfig, ResolvedPool } from '../config/resolved.ts'
import type { Balancer, Explanation, Plan, PlanChange, Pool } from '../index.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'

/** Exact up to some 1,000 backends of equal weight. */
const PLAN_MS = 2000

/** A pool that is only asked where clients belong: nothing is opened, and there is no stick table. */
export class OfflinePool {
  readonly settings: ResolvedPool
  readonly digest: string
  readonly #balancer: Balancer
  readonly #pool: Pool
  readonly #addresses: ReadonlyMap<string, BackendAddress>

  private constructor(settings: ResolvedPool, balancer: Balancer) {
    this.settings = settings
    this.#balancer = balancer
    this.#pool = balancer.pool(settings.name)
    this.digest = this.#pool.digest
    this.#addresses = new Map(settings.backends.map(({ name, address }) => [name, address]))
  }

  /** Throws a {@link CliError} where nothing is known of its backends here. */
  static async open(config: ResolvedConfig, pool: ResolvedPool): Promise<OfflinePool> {
    const { name, discovery } = pool
    if (discovery !== undefined) {
      const found = `the backends of the pool ${name} are found (${discoveryText(discovery)})`
      throw new CliError(`${found}: ask the running process, without --config`, EXIT.config)
    }
    // Homes need no table, which could take a gigabyte.
    const settings = { ...pool, stickTable: undefined }
    const [{ Balancer }, { loadAddon }] = await Promise.all([import('../balancer.ts'), import('../addon.ts')])
    // Before anything is printed.
    loadAddon()
    const log = { level: 'silent', sessions: 0 } as const
    const alone = { listeners: [], pools: new Map([[pool.name, settings]]), log, warnings: [] }
    return new OfflinePool(settings, new Balancer(changedConfig(config, alone)))
  }

  /** Throws a {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`. */
  explain(address: string): Explanation {
    return this.#pool.explain(address)
  }

  /** Of a key that is no address. */
  explainKey(key: string): Explanation {
    return { ...this.#pool.explain(Buffer.from(key)), address: key }
  }

  /** See {@link Pool.homes}. */
  homes(lines: Uint8Array): ReturnType<Pool['homes']> {
    return this.#pool.homes(lines)
  }

  /** See {@link Pool.plan}; there are no pins and no sessions, and nobody waits but the user. */
  plan(change: PlanChange): Plan {
    return this.#pool.plan(change, { timeMs: PLAN_MS })
  }

  /** Where a backend is reached. */
  addressOf(backend: string): BackendAddress {
    const address = this.#addresses.get(backend)
    if (address === undefined) throw new RangeError(`there is no backend ${backend}`)
    return address
  }

  async close(): Promise<void> {
    await this.#balancer.destroy()
  }
}
