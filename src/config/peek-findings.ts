import type { Finding } from './parsed.ts'
import type { ResolvedKey } from './resolved.ts'
import { type Path, quote } from './text.ts'
import type { PoolView, View } from './view.ts'

/** A source of keys, and where it is written. */
type Placed = [Path, ResolvedKey]

/** Sources that no client could ever have a key by: places in the first bytes that a listener of their pool does not look at. */
export function peekFindings({ listeners, pools }: View): Finding[] {
  return pools.flatMap(pool => {
    const sources = sourcesOf(pool)
    return listeners.flatMap(({ index, name = `[${index}]`, pools, peekBytes = Number.POSITIVE_INFINITY }) =>
      pools.includes(pool.name)
        ? sources.filter(([, key]) => reachOf(key) > peekBytes).map(source => tooFar(source, quote(name), peekBytes))
        : [],
    )
  })
}

function sourcesOf({ name, keys = [], hotBy }: PoolView): Placed[] {
  const path = ['pools', name, 'affinity']
  return [
    ...keys.map((key, index): Placed => [[...path, 'key', ...(keys.length === 1 ? [] : [index])], key]),
    ...(hotBy === undefined ? [] : [[[...path, 'hotKey', 'by'], hotBy] satisfies Placed]),
  ]
}

function tooFar([path, key]: Placed, listener: string, peekBytes: number): Finding {
  const reach = reachOf(key)
  const message = `the listener ${listener} looks at the first ${peekBytes} bytes, and this key needs ${reach}`
  return { path, message, accepted: `a place within them; or peek: { bytes: ${reach} } there` }
}

/** How many bytes have to come before such a key can be there; 0: as few as its protocol has. */
function reachOf(key: ResolvedKey): number {
  if (typeof key !== 'string') return 0
  const [kind, offset, size] = key.split(':')
  if (kind === 'bytes') return Number(offset) + Number(size)
  // At least one byte follows the length.
  return kind === 'lengthPrefixed' ? Number(offset) + Number(size) + 1 : 0
}
