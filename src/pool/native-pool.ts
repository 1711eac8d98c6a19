import type { ResolvedPool } from '../config/resolved.ts'
import { RING_POINTS } from '../config/schema.ts'
import type { DerivedSecrets } from '../config/secrets.ts'
import { type NativePlacement, type NativePool, native } from '../native.ts'
import { withTableFile, withTableMemory } from '../table-memory.ts'

/** As `ReturnHome` in `native/core/pool.h`. */
const RETURN_HOME = { never: 0, 'next-connect': 1, 'after-idle': 2 } as const
const PLACEMENTS = { rendezvous: 0, ring: 1 } as const

/** Keys of live sessions that the pool has room for at first; the table of them grows. */
const SESSION_HINT = 4096

/**
 * The native pool of these settings, without backends.
 *
 * @param file - of its stick table; undefined: that is in memory
 */
export function makeNativePool(settings: ResolvedPool, secrets: DerivedSecrets, file: string | undefined): NativePool {
  const { Pool } = native()
  const { name, placement, boundMilli, affinity, stickTable } = settings
  const size = stickTable?.size ?? 0
  const make = (): NativePool =>
    new Pool(
      PLACEMENTS[placement],
      RING_POINTS,
      boundMilli,
      secrets.placement,
      secrets.key,
      affinity.ipv4Prefix,
      affinity.ipv6Prefix,
      size,
      stickTable?.ttl ?? 0,
      SESSION_HINT,
      limitsOf(settings),
      file,
    )
  const details = { pool: name }
  return withTableMemory(size, () => withTableFile(file, make, details), details)
}

/** As the native pool takes them. */
export function limitsOf({ limits, maxSessions, returnHome, affinity }: ResolvedPool): Uint32Array {
  const { sessionsPerKey, newPerSecondPerKey, burst, admitPerSecond, queue } = limits
  const ofKeys = [sessionsPerKey, newPerSecondPerKey, burst]
  const ofPool = [admitPerSecond, maxSessions, RETURN_HOME[returnHome], queue.size, queue.timeout]
  const { shareMilli = 0, spread = 0, ipv6Only = false } = affinity.hotKey ?? {}
  return new Uint32Array([...ofKeys, ...ofPool, shareMilli, spread, Number(ipv6Only)])
}

/**
 * The placement that a pool of these settings would have of such backends.
 *
 * @param predecessor - one of the same names
 */
export function makePlacement(
  { placement, affinity }: ResolvedPool,
  secrets: DerivedSecrets,
  { names, weights }: { names: string[]; weights: Uint32Array },
  predecessor?: NativePlacement,
): NativePlacement {
  return new (native().Placement)(
    PLACEMENTS[placement],
    RING_POINTS,
    secrets.placement,
    secrets.key,
    affinity.ipv4Prefix,
    affinity.ipv6Prefix,
    names,
    weights,
    predecessor,
  )
}
