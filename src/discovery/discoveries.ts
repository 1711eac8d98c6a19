import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { checkBackendHealth } from '../config/backend-health.ts'
import { discoveryText } from '../config/discovery.ts'
import { changedConfig } from '../config/resolve.ts'
import type { ResolvedConfig, ResolvedPool } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'
import { membershipChange } from '../pool/membership.ts'
import { checkRing, tooManyBackends } from '../pool/refusals.ts'
import type { FoundForPool } from './apply.ts'
import { Discovery } from './discovery.ts'
import { DiscoveryFailure } from './failure.ts'
import type { Found } from './found.ts'

/** What the balancer does for its discoveries. */
export interface DiscoveryOwner {
  /** Whether backends can be changed now. */
  canChange(): boolean
  /** Makes what was found the backends of a pool. Rejects where they cannot be. */
  apply(found: FoundForPool): Promise<void>
}

/** A configuration whose backends were found, and what is to be done when it holds. */
export interface PreparedDiscoveries {
  config: ResolvedConfig
  commit(): void
}

/** One pool of such a configuration. */
interface PreparedDiscovery {
  pool: ResolvedPool
  discovery: Discovery
  /** Undefined: those before stay. */
  found: Found | undefined
}

/** For a pool that is made. */
export function followDiscovery(core: PoolCore, log: Log): void {
  const { discovery } = core.settings
  core.discovery = discovery && new Discovery(core.name, discovery, log)
}

/** Finds the backends of the pools that have them found, for as long as the balancer listens. */
export class Discoveries {
  readonly #cores: ReadonlyMap<string, PoolCore>
  readonly #owner: DiscoveryOwner
  readonly #log: Log
  readonly #timers = new Map<Discovery, NodeJS.Timeout>()
  #over = new AbortController()

  /** @param cores - those that there are, also when it is looked at later */
  constructor(cores: ReadonlyMap<string, PoolCore>, log: Log, owner: DiscoveryOwner) {
    this.#cores = cores
    this.#owner = owner
    this.#log = log
  }

  /**
   * Before anything serves: waits for the first answers, each pool as long as its `startTimeout` at most, and makes them its
   * backends. Who finds nothing goes on without.
   *
   * @throws the reason of the signal; {@link LimpetError} `LIMPET_ERR_TOO_MANY_BACKENDS`
   */
  async start(signal: AbortSignal): Promise<void> {
    this.#over = new AbortController()
    await Promise.all(
      [...this.#cores.values()].map(async core => {
        const { discovery } = core
        const found = discovery && (await this.#within(discovery, signal))
        if (discovery === undefined || found === undefined) return
        const members = discovery.members(found.backends, core.backends())
        for (const member of members) checkBackendHealth(core.settings.health, member)
        checkRing(core.settings, members)
        if (!core.apply(membershipChange(core.backends(), members))) throw tooManyBackends(core.name)
        discovery.believe(found, members.length > 0)
      }),
    )
  }

  /** Looks again and again, from now on. */
  run(): void {
    for (const core of this.#cores.values()) {
      const { discovery } = core
      if (discovery === undefined || this.#timers.has(discovery)) continue
      if (discovery.found === undefined)
        this.#log.error(
          { pool: core.name, source: discoveryText(discovery.settings) },
          'no backends were found: the clients of this pool are refused until there are some',
        )
      this.#schedule(core, discovery)
    }
  }

  /**
   * Looks anew for a configuration that is to hold, and gives it its backends: what is found now, otherwise what was found before.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_DISCOVERY`: neither; {@link LimpetConfigError}: what was found does not fit
   */
  async prepare(next: ResolvedConfig): Promise<PreparedDiscoveries> {
    const discovered = [...next.pools.values()].filter(({ discovery }) => discovery !== undefined)
    const prepared = await Promise.all(discovered.map(pool => this.#prepare(pool)))
    const pools = new Map([...next.pools, ...prepared.map(({ pool }) => [pool.name, pool] as const)])
    return {
      config: prepared.length === 0 ? next : changedConfig(next, { pools }),
      commit: () => this.#commit(prepared),
    }
  }

  /** Nothing is looked for any more; what is under way changes nothing. */
  stop(): void {
    this.#over.abort()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    for (const discovery of this.#timers.keys()) discovery.nextAt = undefined
    this.#timers.clear()
  }

  async #prepare(pool: ResolvedPool): Promise<PreparedDiscovery> {
    const { name, discovery: settings } = pool
    if (settings === undefined) throw new TypeError(`the backends of ${name} are listed`)
    const current = this.#cores.get(name)?.discovery
    const isSame = current !== undefined && isDeepStrictEqual(current.settings, settings)
    const discovery = isSame ? current : new Discovery(name, settings, this.#log)
    const found = await this.#within(discovery, this.#over.signal)
    const backends = found?.backends ?? discovery.found ?? current?.found
    if (backends === undefined) {
      const reason = discovery.status().error ?? 'there was no time to look'
      const message = `no backends were found for the pool ${name} (${discoveryText(settings)}): ${reason}`
      throw new LimpetError('LIMPET_ERR_DISCOVERY', message, { pool: name })
    }
    checkRing(pool, backends)
    for (const backend of backends) checkBackendHealth(pool.health, backend)
    if (found === undefined) discovery.adopt(backends)
    return { pool: { ...pool, backends }, discovery, found }
  }

  #commit(prepared: readonly PreparedDiscovery[]): void {
    const byPool = new Map(prepared.map(one => [one.pool.name, one]))
    for (const core of this.#cores.values()) {
      const one = byPool.get(core.name)
      core.discovery = one?.discovery
      // As everywhere after a reload: what was changed besides is gone.
      one?.discovery.forget()
      if (one?.found !== undefined) one.discovery.believe(one.found, true)
    }
    const held = new Set([...this.#cores.values()].map(({ discovery }) => discovery))
    for (const [discovery, timer] of this.#timers) {
      if (held.has(discovery)) continue
      clearTimeout(timer)
      this.#timers.delete(discovery)
    }
    this.run()
  }

  /** Looks until something is found, for `startTimeout` at most. */
  async #within(discovery: Discovery, signal: AbortSignal): Promise<Found | undefined> {
    const { startTimeout } = discovery.settings
    if (startTimeout === 0) return undefined
    const late = AbortSignal.timeout(startTimeout)
    const either = AbortSignal.any([signal, late])
    try {
      for (;;) {
        const found = await discovery.look(either, true)
        if (found !== undefined) return found
        await sleep(discovery.delay(), undefined, { signal: either })
      }
    } catch (error) {
      if (signal.aborted || !late.aborted) throw error
      if (discovery.status().error === undefined)
        discovery.failed(new DiscoveryFailure('timeout', `nothing was found within ${startTimeout} ms`))
      return undefined
    }
  }

  #schedule(core: PoolCore, discovery: Discovery): void {
    const delay = discovery.delay()
    discovery.nextAt = performance.now() + delay
    const timer = setTimeout(() => void this.#again(core, discovery), delay).unref()
    this.#timers.set(discovery, timer)
  }

  /** Never rejects. */
  async #again(core: PoolCore, discovery: Discovery): Promise<void> {
    const { signal } = this.#over
    try {
      if (this.#owner.canChange()) await this.#look(core, discovery, signal)
    } catch (error) {
      if (signal.aborted) return
      discovery.failed(new DiscoveryFailure('refused', (error as Error).message, error))
    }
    const isHeld = this.#timers.has(discovery) && core.discovery === discovery
    if (!signal.aborted && isHeld) this.#schedule(core, discovery)
  }

  async #look(core: PoolCore, discovery: Discovery, signal: AbortSignal): Promise<void> {
    const found = await discovery.look(signal)
    if (found === undefined) return
    if (discovery.isNews(found)) await this.#owner.apply({ core, discovery, found })
    else discovery.believe(found, false)
  }
}
