import { isDeepStrictEqual } from 'node:util'
import { type DescribedBackend, describeBackend } from '../config/describe.ts'
import { given } from '../config/given.ts'
import type { BackendChanges, BackendOptions } from '../config/options.ts'
import { resolveBackend, resolveBackendChanges } from '../config/resolve.ts'
import type { ResolvedBackend } from '../config/resolved.ts'

/** How the backends of a pool differ from those of the configuration. Plain data, in the words of the configuration. */
export interface PoolOverlay {
  /** Those that the configuration does not have. */
  added: BackendOptions[]
  /** What is different of the others, by name. */
  changed: Record<string, BackendChanges>
  /** Names of those that the configuration has, and the pool does not. */
  removed: string[]
}

/** Undefined: they are the same. */
export function overlayOf(
  configured: Iterable<ResolvedBackend>,
  current: Iterable<ResolvedBackend>,
): PoolOverlay | undefined {
  const base = new Map([...configured].map(backend => [backend.name, describeBackend(backend)]))
  const now = new Map([...current].map(backend => [backend.name, describeBackend(backend)]))
  const overlay: PoolOverlay = { added: [], changed: {}, removed: [...base.keys()].filter(name => !now.has(name)) }
  const changed: [string, BackendChanges][] = []
  for (const [name, settings] of now) {
    const before = base.get(name)
    if (before === undefined) overlay.added.push(settings)
    else {
      const changes = changesOf(before, settings)
      if (changes !== undefined) changed.push([name, changes])
    }
  }
  // A backend may have the name of something that every object has.
  overlay.changed = Object.fromEntries(changed)
  const isEmpty = overlay.added.length + changed.length + overlay.removed.length === 0
  return isEmpty ? undefined : overlay
}

/**
 * The backends of the configuration with what was changed while it ran. The configuration may be another one since:
 * what does not fit any more is left out, and `ignored` tells it, a sentence each.
 */
export function withOverlay(
  configured: Iterable<ResolvedBackend>,
  { added, changed, removed }: PoolOverlay,
): { backends: ResolvedBackend[]; ignored: string[] } {
  const all = new Map([...configured].map(backend => [backend.name, backend]))
  const ignored: string[] = []
  for (const name of removed) all.delete(name)
  for (const [name, changes] of Object.entries(changed)) {
    const backend = all.get(name)
    if (backend === undefined) ignored.push(`${name} was changed, and is not in the configuration any more`)
    else all.set(name, { ...backend, ...given(resolveBackendChanges(changes)) })
  }
  for (const options of added) {
    const backend = resolveBackend(options)
    if (all.has(backend.name)) ignored.push(`${backend.name} was added, and is in the configuration now`)
    else all.set(backend.name, backend)
  }
  return { backends: [...all.values()], ignored }
}

function changesOf(before: DescribedBackend, now: DescribedBackend): BackendChanges | undefined {
  const [old, all] = [before, now].map(backend => ({ health: 'pool', ...backend })) as [
    DescribedBackend,
    DescribedBackend,
  ]
  const different = Object.entries(all).filter(
    ([key, value]) => !isDeepStrictEqual(value, old[key as keyof DescribedBackend]),
  )
  return different.length === 0 ? undefined : Object.fromEntries(different)
}
