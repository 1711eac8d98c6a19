import { checkBackendHealth } from '../../config/backend-health.ts'
import type { ResolvedBackend, ResolvedPool } from '../../config/resolved.ts'
import { LIMITS } from '../../config/schema.ts'
import type { FoundContext } from '../../discovery/apply.ts'
import type { PoolCore } from '../../pool/core.ts'
import { membershipChange } from '../../pool/membership.ts'
import { lookUp, unknownHosts } from '../../pool/records.ts'
import { checkRing, tooManyBackends } from '../../pool/refusals.ts'
import { applyBackends, type Done, destinationsAfter } from '../../reload/backends.ts'
import { type PoolOverlay, withOverlay } from '../../state/overlay.ts'

/**
 * The backends of a pool with what a shared roster changes of them; where they are found, it changes only those that are there.
 *
 * @throws {@link LimpetError} where a pool cannot have them, {@link LimpetConfigError} where one of them is none
 */
export function rosterBackends(
  settings: ResolvedPool,
  configured: readonly ResolvedBackend[],
  overlay: PoolOverlay,
): ResolvedBackend[] {
  const isFound = settings.discovery !== undefined
  const { backends } = withOverlay(configured, isFound ? { ...overlay, added: [], removed: [] } : overlay)
  if (backends.length > LIMITS.backends) throw tooManyBackends(settings.name)
  checkRing(settings, backends)
  for (const backend of backends) checkBackendHealth(settings.health, backend)
  return backends
}

/** Before the pool serves: nobody is told. Throws before anything is changed. */
export function applyAtStart(core: PoolCore, backends: readonly ResolvedBackend[]): void {
  if (!core.apply(membershipChange(core.backends(), backends))) throw tooManyBackends(core.name)
}

/**
 * Makes these the backends of a pool that serves, as a reload would: in one turn of the event loop, as one roster.
 *
 * @throws what a reload would throw; nothing is changed then
 */
export async function applyRoster(
  core: PoolCore,
  backends: readonly ResolvedBackend[],
  { service, beforeChange }: FoundContext,
): Promise<Done[]> {
  const hosts = await lookUp(unknownHosts(core, backends))
  service()
  // Who made the change has announced it; what it makes of another configuration is something else.
  await beforeChange([{ core, backends }])
  service().checkBackends(core.name, destinationsAfter(core, backends, hosts))
  const change = membershipChange(core.backends(), backends)
  return change.set.length + change.removed.length === 0 ? [] : applyBackends([{ core, change }], hosts)
}
