import type { ResolvedPool } from '../config/resolved.ts'

/** A pool, as far as its sessions may need the stream relay. */
export type StreamOnlyPool = Pick<ResolvedPool, 'backendTls'> & { affinity: Pick<ResolvedPool['affinity'], 'cookie'> }

/** What keeps clients from the native relay, which carries bytes as they are; undefined: nothing. */
export function whyStreamOnly(
  { tls }: { readonly tls?: unknown },
  { backendTls, affinity }: StreamOnlyPool,
): string | undefined {
  if (tls !== undefined) return 'TLS ends at the listener, and Node.js does that'
  if (backendTls !== undefined) return 'the pool has backendTls, and Node.js does that'
  return affinity.cookie && 'the pool has affinity.cookie, for which bytes are read and changed'
}
