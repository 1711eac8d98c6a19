import type { ResolvedPool } from '../config/resolved.ts'

/** A pool, as far as its sessions may need the stream relay. */
export type StreamOnlyPool = Pick<ResolvedPool, 'backendTls'> & { affinity: Pick<ResolvedPool['affinity'], 'cookie'> }

/**
 * What keeps the clients of some pools from the native relay, which carries bytes as they are; undefined: nothing. `isByCode`:
 * functions choose among the pools.
 */
export function whyStreamOnly(
  { tls, isByCode }: { readonly tls?: unknown; readonly isByCode: boolean },
  pools: readonly StreamOnlyPool[],
): string | undefined {
  if (tls !== undefined) return 'TLS ends at the listener, and Node.js does that'
  if (isByCode) return 'a function of route chooses the pool, in the main thread'
  if (pools.some(({ backendTls }) => backendTls !== undefined)) return 'the pool has backendTls, and Node.js does that'
  if (pools.every(({ affinity }) => affinity.cookie === undefined)) return undefined
  return 'the pool has affinity.cookie, for which bytes are read and changed'
}
