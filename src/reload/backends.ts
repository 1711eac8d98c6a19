import type { BackendChange } from './balancer-types.ts'
import type { ResolvedBackend, ResolvedConfig } from './config/resolved.ts'
import { LimpetError } from './errors.ts'
import type { Destination } from './loop-check.ts'
import type { PoolCore, PreparedChange } from './pool/core.ts'
import { type MembershipChange, membershipChange } from './pool/membership.ts'
import { type ChangeEvent, settingsOf } from './pool/pool.ts'
import { type BackendRecord, type Hosts, lookUp } from './pool/records.ts'
import { tooManyBackends } from './pool/refusals.ts'

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

/** One backend that was changed. */
export interface Done {
  event: ChangeEvent
  core: PoolCore
  backend: BackendRecord
}

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
export async function lookUpNew(cores: Iterable<PoolCore>, next: ResolvedConfig): Promise<Hosts> {
  const unknown = [...cores].flatMap(core => core.unknownHosts(backendsOf(next, core)))
  return await lookUp(unknown)
}

/** What is to be done, pool by pool; `check` throws for a backend that cannot be taken. */
export function planReload(
  cores: Iterable<PoolCore>,
  next: ResolvedConfig,
  hosts: Hosts,
  check: (core: PoolCore, backend: Destination) => void,
): PoolPlan[] {
  const plans = [...cores].map(core => ({ core, change: membershipChange(core.backends(), backendsOf(next, core)) }))
  for (const { core, change } of plans) {
    for (const backend of change.set) {
      const { name, address, endpoint } = core.recordOf(backend, hosts)
      check(core, { name, address: endpoint ?? address })
    }
  }
  return plans
}

/** Does all of it, each pool as one roster, or nothing. */
export function applyReload(plans: readonly PoolPlan[], hosts: Hosts): Done[] {
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

/** What the caller of a reload is told. */
export function resultOf(generation: number, done: readonly Done[]): ReloadResult {
  const of = (wanted: ChangeEvent): BackendChange[] =>
    done.flatMap(({ event, core, backend }) => (event === wanted ? [{ pool: core.name, ...settingsOf(backend) }] : []))
  return { generation, added: of('backendAdded'), updated: of('backendUpdated'), removed: of('backendRemoved') }
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

function backendsOf(config: ResolvedConfig, core: PoolCore): readonly ResolvedBackend[] {
  return config.pools.get(core.name)?.backends ?? []
}

/** Tells somebody of a reload. A handler's fault is no fault of the reload, and the others are to be told, too. */
export function unharmed(tell: () => void): void {
  try {
    tell()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
