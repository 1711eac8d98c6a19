import { setTimeout as sleep } from 'node:timers/promises'
import { changedConfig } from '../../config/resolve.ts'
import type { ResolvedBackend, ResolvedConfig, ResolvedPool } from '../../config/resolved.ts'
import type { Log } from '../../log/log.ts'
import type { PoolCore } from '../../pool/core.ts'
import { Turns } from '../../turns.ts'
import { rosterBackends } from './apply.ts'
import type { RosterEdit } from './edit.ts'
import { contended, storeAway, unfit } from './errors.ts'
import type { RosterRecord } from './record.ts'
import { type OpenStore, type RosterOwner, SharedRoster } from './shared-roster.ts'
import type { RosterChangeEntry, RosterOptions, RosterStatus } from './status.ts'

/** How often a change is made anew on a newer roster; each time another balancer was first. */
const MOST_TRIES = 20
/** At most so long it is waited before that. */
const PAUSE_MS = 50
/** After so long it is not tried again: each time every balancer may be waited for, as long as `switchTimeout`. */
const LONGEST_MS = 30_000

/**
 * The backends of pools that are changed at all balancers: what operators changed of those of the configuration is in the
 * store, and each balancer puts it on its own configuration. What the store says holds; but one that was emptied is told the
 * newest that a balancer knows.
 */
export class Rosters {
  readonly #cores: ReadonlyMap<string, PoolCore>
  readonly #owner: RosterOwner
  readonly #log: Log
  /** What this balancer is called by others. */
  readonly #name: string
  readonly #rosters = new Map<PoolCore, SharedRoster>()
  readonly #changes = new Turns()
  #store: OpenStore | undefined
  /** From the first client on. */
  #isServing = false
  #failure: string | undefined

  /** @param cores - those that there are, also when it is looked at later */
  constructor(cores: ReadonlyMap<string, PoolCore>, name: string, log: Log, owner: RosterOwner) {
    this.#cores = cores
    this.#name = name
    this.#log = log
    this.#owner = owner
  }

  /** Before the first client, perhaps again. */
  begin(): void {
    this.#isServing = false
    for (const roster of this.#all()) roster.begin()
  }

  /** The store answers: what it has is read, and before the first client it holds when this resolves. Rejects once the store is lost. */
  async open(store: OpenStore): Promise<void> {
    this.#store = store
    for (const roster of this.#all()) roster.forgetSeen()
    await this.look()
  }

  /** From now on there are clients: backends are changed in the balancer's turns only. */
  serve(): void {
    this.#isServing = true
  }

  /** The store does not answer any more. */
  lost(): void {
    this.#store = undefined
  }

  /** Looks whether others have changed something, and begins to apply it. Rejects once the store is lost. */
  async look(): Promise<void> {
    const store = this.#store
    if (store === undefined) return
    const rosters = this.#all()
    try {
      const stamps = await store.stamps(rosters.map(({ core }) => core.name))
      const news = rosters.filter((roster, at) => roster.isNews(stamps[at]))
      await Promise.all(news.map(async roster => await roster.learn(store)))
      this.#failure = undefined
    } catch (error) {
      if (!store.isOpen) throw error
      this.#failed(error as Error)
    }
    for (const roster of rosters) roster.follow(this.#isServing)
  }

  /**
   * Changes the roster of a pool, and resolves when that holds here; the others have it about a second later.
   *
   * @returns its version
   * @throws {@link LimpetError} `LIMPET_ERR_CLUSTER_AWAY`, `LIMPET_ERR_ROSTER_VERSION`, `LIMPET_ERR_ROSTER_REFUSED`,
   *   `LIMPET_ERR_TOO_MANY_BACKENDS`, `LIMPET_ERR_INVALID_STATE`; what the edit throws
   */
  async change(core: PoolCore, edit: RosterEdit, options: RosterOptions): Promise<number> {
    return await this.#changes.take(async () => {
      const deadline = performance.now() + LONGEST_MS
      for (let tries = 0; tries < MOST_TRIES && performance.now() < deadline; tries++) {
        this.#owner.assertCanChange()
        if (tries > 0) await sleep(Math.random() * PAUSE_MS)
        const roster = this.#of(core)
        const version = await this.#try(roster, edit, options)
        if (version === undefined) continue
        await roster.apply()
        return version
      }
      throw contended(core.name)
    })
  }

  /** Backends of a pool were changed here only. */
  changedHere(core: PoolCore): void {
    this.#of(core).changedHere()
  }

  /** That of the backends that a pool has here. */
  version(core: PoolCore): number {
    return this.#rosters.get(core)?.version ?? 0
  }

  /**
   * The last changes, the latest first.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_CLUSTER_AWAY`
   */
  async changes({ name }: PoolCore, most: number): Promise<RosterChangeEntry[]> {
    return await this.#asked(name, false, async store => await store.changes(name, most))
  }

  /** By pool. */
  versions(): Record<string, number> {
    return Object.fromEntries(this.#all().map(({ core, version }) => [core.name, version]))
  }

  status(): RosterStatus[] {
    const failure = this.#failure
    return this.#all().map(roster => ({ ...(failure === undefined ? {} : { error: failure }), ...roster.status() }))
  }

  /**
   * A configuration that is to hold, with what is changed of its backends: a reload at one balancer takes nothing back.
   *
   * @returns `commit`: to be called when it holds
   * @throws {@link LimpetError} `LIMPET_ERR_ROSTER_REFUSED`: both do not fit each other
   */
  prepare(next: ResolvedConfig): { config: ResolvedConfig; commit: () => void } {
    const prepared = this.#all().flatMap(roster => {
      const [pool, record] = [next.pools.get(roster.core.name), roster.record]
      if (pool === undefined || record === undefined) return []
      return [{ roster, record, pool: { ...pool, backends: withRoster(pool, record) } }]
    })
    const pools = new Map([...next.pools, ...prepared.map(({ pool }) => [pool.name, pool] as const)])
    return {
      config: prepared.length === 0 ? next : changedConfig(next, { pools }),
      commit: () => {
        for (const roster of this.#all()) roster.isConfigured()
        for (const { roster, record } of prepared) roster.holds(record)
      },
    }
  }

  #all(): SharedRoster[] {
    const cores = [...this.#cores.values()]
    const known = new Set(cores)
    for (const core of this.#rosters.keys()) if (!known.has(core)) this.#rosters.delete(core)
    return cores.map(core => this.#of(core))
  }

  #of(core: PoolCore): SharedRoster {
    const roster = this.#rosters.get(core) ?? new SharedRoster(core, this.#owner, this.#log)
    this.#rosters.set(core, roster)
    return roster
  }

  /** The version after the change; undefined: another balancer was first, and it has to be made anew. */
  async #try(roster: SharedRoster, edit: RosterEdit, options: RosterOptions): Promise<number | undefined> {
    const { name } = roster.core
    await this.#asked(name, false, async store => await roster.learn(store))
    const edited = roster.edited(edit, options, this.#name)
    if (edited === undefined) return undefined
    if (edited === 'same') return roster.record?.version
    const { before, next, backends } = edited
    await roster.announce(backends)
    this.#owner.assertCanChange()
    const record = await this.#asked(name, true, async store => await store.set(name, before, next))
    if (record !== undefined) roster.made(record)
    return record?.version
  }

  /** @param isChange - whether something may have been changed although it fails */
  async #asked<T>(pool: string, isChange: boolean, ask: (store: OpenStore) => Promise<T>): Promise<T> {
    const store = this.#store
    if (store === undefined) throw storeAway(pool, 'it is not connected', false)
    try {
      return await ask(store)
    } catch (error) {
      throw storeAway(pool, (error as Error).message, isChange && !store.isOpen, error)
    }
  }

  #failed({ message }: Error): void {
    if (message !== this.#failure) this.#log.error({ reason: message }, 'shared rosters cannot be read')
    this.#failure = message
  }
}

function withRoster(pool: ResolvedPool, { overlay }: RosterRecord): ResolvedBackend[] {
  try {
    return rosterBackends(pool, pool.backends, overlay)
  } catch (error) {
    throw unfit(pool.name, error as Error)
  }
}
