import type { BackendChange } from './balancer-types.ts'
import type { ResolvedBackend, ResolvedConfig } from './config/resolved.ts'
import { LimpetError } from './errors.ts'
import { type BackendRecord, lookUp, type PoolCore } from './pool/core.ts'
import { type MembershipChange, membershipChange } from './pool/membership.ts'
import { type ChangeEvent, settingsOf, tooManyBackends } from './pool/pool.ts'

/** What a reload changed. */
export interface ReloadResult {
  /** Number of the state that holds now: one more with every change of backends, however it was made. */
  generation: number
  added: BackendChange[]
  updated: BackendChange[]
  removed: BackendChange[]
}

/** One pool, and what is to become of its backends. */
interface PoolPlan {
  core: PoolCore
  change: MembershipChange
}

export type Tell = (event: ChangeEvent, core: PoolCore, backend: BackendRecord) => void

/** Settings that hold until a restart differ: nothing was changed. */
export function needsRestart(places: readonly string[]): LimpetError {
  const shown = places.slice(0, 10).join(', ')
  const more = places.length > 10 ? `, and ${places.length - 10} more` : ''
  return new LimpetError(
    'LIMPET_ERR_NEEDS_RESTART',
    `a reload changes backends only; a restart is needed for ${shown}${more}`,
  )
}

/** Looks up, for all pools, the host names that are new. */
export async function lookUpNew(cores: Iterable<PoolCore>, next: ResolvedConfig) {
  const unknown = [...cores].flatMap(core => core.unknownHosts(backendsOf(next, core)))
  return await lookUp(unknown)
}

/** What is to be done, pool by pool; `check` throws for a backend that cannot be taken. */
export function planReload(
  cores: Iterable<PoolCore>,
  next: ResolvedConfig,
  check: (core: PoolCore, backend: ResolvedBackend) => void,
): PoolPlan[] {
  const plans = [...cores].map(core => ({ core, change: membershipChange(core.backends(), backendsOf(next, core)) }))
  for (const { core, change } of plans) for (const backend of change.set) check(core, backend)
  return plans
}

/** Does it, each pool at once, and tells of every backend. */
export function applyReload(
  plans: readonly PoolPlan[],
  hosts: Awaited<ReturnType<typeof lookUpNew>>,
  tell: Tell,
): Omit<ReloadResult, 'generation'> {
  const result = { added: [] as BackendChange[], updated: [] as BackendChange[], removed: [] as BackendChange[] }
  for (const { core, change } of plans) {
    const before = new Map([...core.backends()].map(backend => [backend.name, backend]))
    if (!core.apply(change, hosts)) throw tooManyBackends(core.name)
    const did = (event: ChangeEvent, list: BackendChange[], backend: BackendRecord | undefined): void => {
      if (backend === undefined) return
      list.push({ pool: core.name, ...settingsOf(backend) })
      tell(event, core, backend)
    }
    for (const name of change.removed) did('backendRemoved', result.removed, before.get(name))
    for (const { name } of change.set) {
      if (before.has(name)) did('backendUpdated', result.updated, core.backend(name))
      else did('backendAdded', result.added, core.backend(name))
    }
  }
  return result
}

function backendsOf(config: ResolvedConfig, core: PoolCore): readonly ResolvedBackend[] {
  return config.pools.get(core.name)?.backends ?? []
}
