import type { ResolvedBackend, ResolvedConfig } from '../config/resolved.ts'
import type { Destination } from '../loop-check.ts'
import type { PoolCore, PreparedChange } from '../pool/core.ts'
import { type MembershipChange, membershipChange } from '../pool/membership.ts'
import type { ChangeEvent } from '../pool/pool.ts'
import { type BackendRecord, type Hosts, lookUp, unknownHosts } from '../pool/records.ts'
import { tooManyBackends } from '../pool/refusals.ts'

/** One pool, and what is to become of its backends. */
interface PoolPlan {
  core: PoolCore
  change: MembershipChange
}

/** One backend that was changed. */
export interface Done {
  event: ChangeEvent
  core: PoolCore
  backend: BackendRecord
}

/** Looks up, for all pools, the host names that are new. */
export async function lookUpNew(cores: Iterable<PoolCore>, next: ResolvedConfig): Promise<Hosts> {
  const unknown = [...cores].flatMap(core => unknownHosts(core, backendsOf(next, core)))
  return await lookUp(unknown)
}

/** What is to be done, pool by pool. */
export function planBackends(cores: Iterable<PoolCore>, next: ResolvedConfig): PoolPlan[] {
  return [...cores].map(core => ({ core, change: membershipChange(core.backends(), backendsOf(next, core)) }))
}

/** Where the backends of a pool will be. */
export function destinationsAfter(core: PoolCore, backends: readonly ResolvedBackend[], hosts: Hosts): Destination[] {
  return backends.map(backend => {
    const { name, address, endpoint } = core.recordOf(backend, hosts)
    return { name, address: endpoint ?? address }
  })
}

/** Does all of it, each pool as one roster, or nothing. */
export function applyBackends(plans: readonly PoolPlan[], hosts: Hosts): Done[] {
  const prepared = prepareAll(plans, hosts)
  return prepared.flatMap(({ core, change }) => {
    const before = new Map([...core.backends()].map(backend => [backend.name, backend]))
    core.commit(change)
    const removed = change.removed.flatMap((name): Done[] => {
      const backend = before.get(name)
      return backend === undefined ? [] : [{ event: 'backendRemoved', core, backend }]
    })
    const set = change.records.map(
      (backend): Done => ({ event: before.has(backend.name) ? 'backendUpdated' : 'backendAdded', core, backend }),
    )
    return [...removed, ...set]
  })
}

function prepareAll(plans: readonly PoolPlan[], hosts: Hosts): { core: PoolCore; change: PreparedChange }[] {
  const prepared: { core: PoolCore; change: PreparedChange }[] = []
  for (const { core, change: wanted } of plans) {
    const change = core.prepareChange(wanted, hosts)
    if (change === undefined) {
      for (const { core, change } of prepared) core.withdraw(change)
      throw tooManyBackends(core.name)
    }
    prepared.push({ core, change })
  }
  return prepared
}

/** Those that a configuration has for a pool. */
export function backendsOf(config: ResolvedConfig, core: PoolCore): readonly ResolvedBackend[] {
  return config.pools.get(core.name)?.backends ?? []
}
