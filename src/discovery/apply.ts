import type { NextBackends } from '../cluster/switches/cluster-switches.ts'
import { checkBackendHealth } from '../config/backend-health.ts'
import type { PoolCore } from '../pool/core.ts'
import { membershipChange } from '../pool/membership.ts'
import { lookUp, unknownHosts } from '../pool/records.ts'
import { checkRing } from '../pool/refusals.ts'
import { applyBackends, type Done, destinationsAfter } from '../reload/backends.ts'
import type { Service } from '../service.ts'
import type { Discovery } from './discovery.ts'
import type { Found } from './found.ts'

/** What a change needs of the balancer. */
export interface FoundContext {
  /** Gives the one that is open; throws where nothing can be changed any more. */
  service: () => Service
  /** Awaited before anything is changed. */
  beforeChange: (changes: readonly NextBackends[]) => Promise<void>
}

/** A pool, and what was found for it. */
export interface FoundForPool {
  core: PoolCore
  discovery: Discovery
  found: Found
}

/**
 * Makes what was found the backends of a pool that serves, as a reload would: in one turn of the event loop, as one roster.
 *
 * @throws what a reload would throw; nothing is changed then
 */
export async function applyFound(
  { core, discovery, found }: FoundForPool,
  { service, beforeChange }: FoundContext,
): Promise<Done[]> {
  // Only in files there are names.
  const hosts = await lookUp(unknownHosts(core, found.backends))
  service()
  if (core.discovery === discovery)
    await beforeChange([{ core, backends: discovery.members(found.backends, core.backends()) }])
  const open = service()
  // A reload has given the pool others meanwhile, or has removed it.
  if (core.discovery !== discovery) return []
  const members = discovery.members(found.backends, core.backends())
  checkRing(core.settings, members)
  for (const member of members) checkBackendHealth(core.settings.health, member)
  open.checkBackends(core.name, destinationsAfter(core, members, hosts))
  const change = membershipChange(core.backends(), members)
  const isChange = change.set.length + change.removed.length > 0
  // What is the same in another order is no new roster.
  const done = isChange ? applyBackends([{ core, change }], hosts) : []
  discovery.believe(found, isChange)
  return done
}
