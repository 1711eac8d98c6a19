import { isDeepStrictEqual } from 'node:util'
import type { NextBackends } from '../cluster/switches/cluster-switches.ts'
import { changedSettings, type FoundChange, restartPaths } from '../config/changes.ts'
import { effectOf } from '../config/effects.ts'
import type { ResolvedConfig, ResolvedPool } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import { boundAfter, type ListenerChange } from '../listeners/change.ts'
import { refuseLoops } from '../loop-check.ts'
import type { PoolCore } from '../pool/core.ts'
import type { Pools } from '../pool/pools.ts'
import type { Hosts } from '../pool/records.ts'
import { assertSources } from '../relay/sources.ts'
import type { Service } from '../service.ts'
import { applyBackends, backendsOf, type Done, destinationsAfter, lookUpNew, planBackends } from './backends.ts'

/** What is reloaded. */
export interface Reloaded {
  pools: Pools
  /** The service that is open; throws where there is none any more. */
  service: () => Service
  config: ResolvedConfig
  /** Awaited before any of it is changed. */
  beforeChange: (changes: readonly NextBackends[]) => Promise<void>
}

/** A reload that can be committed. */
interface Prepared {
  kept: readonly PoolCore[]
  added: readonly PoolCore[]
  removed: readonly PoolCore[]
  /** What the host names of backends that are new were found to be. */
  hosts: Hosts
  listeners: ListenerChange
}

/** A reload that holds. */
export interface Committed {
  /** Backends that were added, changed and removed. */
  done: Done[]
  /** Everything else that differs. */
  changes: FoundChange[]
}

/**
 * Makes one configuration of another. What can fail is done first, beside what holds; on an error that is undone. Then all of it
 * holds, in one turn of the event loop, and `hold` is called in that turn. Resolves, with what that returned, when listeners that
 * are gone listen no more, and those that have other settings serve.
 */
export async function reload<T>(
  reloaded: Reloaded,
  next: ResolvedConfig,
  hold: (committed: Committed) => T,
): Promise<T> {
  const { pools, config } = reloaded
  const service = reloaded.service()
  const changes = changedSettings(config, next)
  refuseRestart(changes)
  const kept = [...pools.cores.values()].filter(({ name }) => next.pools.has(name))
  const removed = [...pools.cores.values()].filter(({ name }) => !next.pools.has(name))
  const added = [...next.pools.values()].filter(({ name }) => !pools.cores.has(name)).map(pool => pools.make(pool))
  const undo: (() => Promise<void> | void)[] = added.map(core => () => service.poolRemoved(core))
  let committed: Committed
  let settled: Promise<void>
  try {
    // Of those that are as they were, an address may be gone; that is not the business of this reload.
    await assertSources([...next.pools.values()].filter(pool => !isSameSource(pool, config.pools.get(pool.name))))
    const hosts = await lookUpNew(kept, next)
    await service.preparePools(added)
    // No listener that is new accepts yet.
    await reloaded.beforeChange(kept.map(core => ({ core, backends: backendsOf(next, core) })))
    const cores = new Map([...kept, ...added].map(core => [core.name, core]))
    const listeners = await service.listeners.prepare({ listeners: next.listeners, pools: next.pools, cores })
    undo.push(() => service.listeners.withdraw(listeners))
    committed = { done: commit(reloaded, next, { kept, added, removed, hosts, listeners }), changes }
    settled = service.listeners.commit(listeners)
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
  const result = hold(committed)
  await settled
  return result
}

function isSameSource({ source }: ResolvedPool, before: ResolvedPool | undefined): boolean {
  return isDeepStrictEqual(source, before?.source)
}

function refuseRestart(changes: readonly FoundChange[]): void {
  const places = restartPaths(changes)
  if (places.length === 0) return
  const shown = places.slice(0, 10).join(', ')
  const more = places.length > 10 ? `, and ${places.length - 10} more` : ''
  throw new LimpetError('LIMPET_ERR_NEEDS_RESTART', `nothing was changed: a restart is needed for ${shown}${more}`)
}

/** All but the listeners. Throws before anything is changed. */
function commit({ pools, service, config }: Reloaded, next: ResolvedConfig, prepared: Prepared): Done[] {
  const { kept, added, removed, hosts, listeners } = prepared
  const open = service()
  const destinations = [...kept, ...added].map(
    core => [core.name, destinationsAfter(core, backendsOf(next, core), hosts)] as const,
  )
  refuseLoops(boundAfter(listeners), new Map(destinations))
  // The last thing that can fail.
  const done = applyBackends(planBackends(kept, next), hosts)
  for (const core of kept) {
    const [before, after] = [config.pools.get(core.name), next.pools.get(core.name)]
    if (before === undefined || after === undefined || isDeepStrictEqual(tunable(before), tunable(after))) continue
    core.reconfigure(after)
    open.poolReconfigured(core, before)
  }
  for (const core of added) {
    pools.add(core)
    open.poolAdded(core)
  }
  for (const core of removed) {
    pools.remove(core)
    open.poolRemoved(core)
  }
  return [...done, ...all(removed, 'backendRemoved'), ...all(added, 'backendAdded')]
}

/**
 * What of a pool a reload can change, besides its backends. What needs a restart was refused before; but files of `backendTls`
 * can have other contents, which no setting tells.
 */
function tunable({ backends: _, ...pool }: ResolvedPool): object {
  const ofReload = Object.entries(pool).filter(
    ([key]) => key === 'backendTls' || effectOf(`pools.<name>.${key}`) !== 'restart',
  )
  return Object.fromEntries(ofReload)
}

function all(cores: readonly PoolCore[], event: 'backendAdded' | 'backendRemoved'): Done[] {
  return cores.flatMap(core => [...core.backends()].map((backend): Done => ({ event, core, backend })))
}
