import { optionsArgument } from '../arguments.ts'
import { backendEdit, backendText, FORGET, type RosterEdit, settingsText } from '../cluster/rosters/edit.ts'
import { notShared, noVersion } from '../cluster/rosters/errors.ts'
import type { Rosters } from '../cluster/rosters/rosters.ts'
import type { RosterChangeEntry, RosterOptions } from '../cluster/rosters/status.ts'
import { checkBackendHealth } from '../config/backend-health.ts'
import type { BackendChanges, BackendOptions } from '../config/options.ts'
import { resolveBackend, resolveBackendChanges } from '../config/resolve.ts'
import type { ResolvedBackend } from '../config/resolved.ts'
import { argumentRangeError, argumentTypeError, LimpetError } from '../errors.ts'
import type { PoolCore } from './core.ts'
import { changedBackend } from './membership.ts'
import type { PlanChange } from './plan.ts'
import { backendExists, refuseDiscovered, unknownBackend } from './refusals.ts'

/** Changes of the backends of this balancer alone, each made when the method returns. */
export interface OwnBackends {
  add(options: BackendOptions): void
  update(name: string, changes: BackendChanges): void
  remove(name: string): void
}

/** What the balancer does for it. */
export interface PoolRosterOwner {
  /** Throws when the balancer cannot take such a backend now. */
  check(core: PoolCore, backend: ResolvedBackend): void
  /** Tells other balancers of a change that is made here only. Rejects where it would be refused. */
  announce(core: PoolCore, change: PlanChange): Promise<void>
  /** Undefined: backends are those of this balancer. */
  rosters(): Rosters | undefined
}

/** A change that is made here only. */
interface OwnChange {
  plan: PlanChange
  make(): void
}

const MOST_CHANGES = 1000

/**
 * Changes the backends of a pool where they belong: at all balancers of the cluster with `cluster.membership: cluster`, and
 * at this one otherwise. A change is made as a whole or not at all, and holds here when its promise resolves; other balancers
 * have it about a second later. Two changes at once, of other backends or of other settings, both hold.
 */
export class PoolRoster {
  readonly #core: PoolCore
  readonly #owner: PoolRosterOwner
  readonly #own: OwnBackends

  /** @internal */
  constructor(core: PoolCore, owner: PoolRosterOwner, own: OwnBackends) {
    this.#core = core
    this.#owner = owner
    this.#own = own
  }

  /** That of the backends as they are here; 0: nobody has changed any; undefined: they are not shared. */
  get version(): number | undefined {
    return this.#owner.rosters()?.version(this.#core)
  }

  /**
   * Adds a backend, as {@link Pool.add}.
   *
   * @returns the version of the shared roster; undefined: it was changed here only
   * @throws what {@link Pool.add} throws; {@link LimpetError} `LIMPET_ERR_CLUSTER_AWAY`, `LIMPET_ERR_ROSTER_VERSION`,
   *   `LIMPET_ERR_ROSTER_REFUSED`
   */
  async add(options: BackendOptions, how: RosterOptions = {}): Promise<number | undefined> {
    const backend = resolveBackend(options)
    const { name } = backend
    const edit = backendEdit(name, `add ${name}: ${backendText(backend)}`, before => {
      refuseDiscovered(this.#core.settings, name)
      if (before !== undefined) throw backendExists(this.#core.name, name)
      return this.#checked(backend)
    })
    return await this.#change(edit, how, { plan: { add: [options] }, make: () => this.#own.add(options) })
  }

  /**
   * Changes a backend, as {@link Pool.update}.
   *
   * @returns as {@link PoolRoster.add}
   * @throws what {@link Pool.update} throws, and as {@link PoolRoster.add}
   */
  async update(name: string, changes: BackendChanges, how: RosterOptions = {}): Promise<number | undefined> {
    const resolved = resolveBackendChanges(changes)
    this.#assertName(name)
    const edit = backendEdit(name, `set ${name}: ${settingsText(changes)}`, before => {
      if (resolved.address !== undefined) refuseDiscovered(this.#core.settings, name)
      return this.#checked(changedBackend(this.#known(name, before), resolved))
    })
    return await this.#change(edit, how, {
      plan: { update: { [name]: changes } },
      make: () => this.#own.update(name, changes),
    })
  }

  /**
   * Removes a backend, as {@link Pool.remove}.
   *
   * @returns as {@link PoolRoster.add}
   * @throws what {@link Pool.remove} throws, and as {@link PoolRoster.add}
   */
  async remove(name: string, how: RosterOptions = {}): Promise<number | undefined> {
    this.#assertName(name)
    const edit = backendEdit(name, `remove ${name}`, before => {
      this.#known(name, before)
      refuseDiscovered(this.#core.settings, name)
      return undefined
    })
    return await this.#change(edit, how, { plan: { remove: [name] }, make: () => this.#own.remove(name) })
  }

  /**
   * Makes the backends those that each balancer's configuration has; a reload does not, where they are shared.
   *
   * @returns the version
   * @throws as {@link PoolRoster.add}; {@link LimpetError} `LIMPET_ERR_UNSUPPORTED`: they are not shared
   */
  async forget(how: Omit<RosterOptions, 'local'> = {}): Promise<number> {
    const { ifVersion, actor } = rosterOptions(how)
    return await this.#shared().change(this.#core, FORGET, { ifVersion, actor })
  }

  /**
   * The last changes that were made at any balancer, the latest first: who, when, and what.
   *
   * @param most - so many, 1 to 1000
   * @throws {@link LimpetError} `LIMPET_ERR_CLUSTER_AWAY`; `LIMPET_ERR_UNSUPPORTED`: they are not shared; a `RangeError`
   */
  async changes(most = 100): Promise<RosterChangeEntry[]> {
    if (!Number.isInteger(most) || most < 1 || most > MOST_CHANGES)
      throw argumentRangeError('most', `an integer from 1 to ${MOST_CHANGES}`, most)
    return await this.#shared().changes(this.#core, most)
  }

  async #change(edit: RosterEdit, how: RosterOptions, own: OwnChange): Promise<number | undefined> {
    const options = rosterOptions(how)
    this.#core.assertOpen()
    const rosters = this.#owner.rosters()
    if (rosters !== undefined && options.local !== true) return await rosters.change(this.#core, edit, options)
    if (options.ifVersion !== undefined) throw noVersion(this.#core.name)
    await this.#announce(own.plan)
    own.make()
    rosters?.changedHere(this.#core)
    return undefined
  }

  /** A change that is refused is refused when it is made, in words of its own. */
  async #announce(plan: PlanChange): Promise<void> {
    try {
      await this.#owner.announce(this.#core, plan)
    } catch (error) {
      if (!(error instanceof LimpetError)) throw error
    }
  }

  #shared(): Rosters {
    this.#core.assertOpen()
    const rosters = this.#owner.rosters()
    if (rosters === undefined) throw notShared(this.#core.name)
    return rosters
  }

  #checked(backend: ResolvedBackend): ResolvedBackend {
    checkBackendHealth(this.#core.settings.health, backend)
    this.#owner.check(this.#core, backend)
    return backend
  }

  #known(name: string, backend: ResolvedBackend | undefined): ResolvedBackend {
    if (backend === undefined) throw unknownBackend(this.#core.name, name)
    return backend
  }

  #assertName(name: unknown): void {
    if (typeof name !== 'string') throw argumentTypeError('name', 'a string', name)
  }
}

function rosterOptions(how: RosterOptions): RosterOptions {
  const { ifVersion, local, actor } = optionsArgument('how', how)
  if (ifVersion !== undefined && (!Number.isSafeInteger(ifVersion) || ifVersion < 0))
    throw argumentRangeError('how.ifVersion', 'an integer, 0 or more', ifVersion)
  if (local !== undefined && typeof local !== 'boolean') throw argumentTypeError('how.local', 'a boolean', local)
  if (actor !== undefined && typeof actor !== 'string') throw argumentTypeError('how.actor', 'a string', actor)
  return { ifVersion, local, actor }
}
