import { createHash } from 'node:crypto'
import type { PoolCore } from '../../pool/core.ts'

/** What a pool is made of, as far as homes depend on it; `backends`: name, weight, and 1 for a backup. */
export interface PoolAgreement {
  digest: string
  placement: string
  prefixes: string
  hotKey: string
  backends?: [string, number, number][]
}

/** What members of a cluster have to agree on, by pool. */
export type Agreement = Record<string, PoolAgreement>

/** With more backends in all than this, only digests are told. */
const MOST_BACKENDS = 2000
/** Of one pool. */
const MOST_DIFFERENCES = 8

export function agreementOf(cores: Iterable<PoolCore>): Agreement {
  const all = [...cores]
  const isSmall = all.reduce((sum, core) => sum + core.size, 0) <= MOST_BACKENDS
  return Object.fromEntries(
    all.map(core => {
      const { placement, affinity } = core.settings
      const { ipv4Prefix, ipv6Prefix, hotKey } = affinity
      const backends = [...core.backends()].map(({ name, weight, backup }): [string, number, number] => [
        name,
        weight,
        Number(backup),
      ])
      return [
        core.name,
        {
          digest: core.digest,
          placement,
          prefixes: `${ipv4Prefix} and ${ipv6Prefix || 'auto'}`,
          hotKey: hotKey === undefined ? 'off' : `${hotKey.spread} by ${hotKey.by}`,
          ...(isSmall ? { backends } : {}),
        },
      ]
    }),
  )
}

/** 16 hex digits; equal where everything is. */
export function agreementDigest(agreement: Agreement): string {
  const digests = Object.entries(agreement).map(([name, { digest }]) => `${name}=${digest}`)
  return createHash('sha256').update(digests.sort().join('\n')).digest('hex').slice(0, 16)
}

/** Why homes are different there, a sentence each; nothing: they are the same, in every pool that both have. */
export function differences(here: Agreement, there: Agreement): string[] {
  const names = [...new Set([...Object.keys(here), ...Object.keys(there)])]
  return names.flatMap(name => {
    const [own, other] = [here, there].map(agreement => (Object.hasOwn(agreement, name) ? agreement[name] : undefined))
    if (own === undefined) return [`pool ${name}: only there`]
    if (other === undefined) return [`pool ${name}: not there`]
    if (own.digest === other.digest) return []
    const found = poolDifferences(own, other)
    return (found.length === 0 ? ['another secret'] : found.slice(0, MOST_DIFFERENCES)).map(
      difference => `pool ${name}: ${difference}`,
    )
  })
}

function poolDifferences(own: PoolAgreement, other: PoolAgreement): string[] {
  const found: string[] = []
  if (own.placement !== other.placement) found.push(`placement is ${other.placement} there, ${own.placement} here`)
  if (own.prefixes !== other.prefixes) found.push(`prefixes are ${other.prefixes} there, ${own.prefixes} here`)
  if (own.hotKey !== other.hotKey) found.push(`hotKey is ${other.hotKey} there, ${own.hotKey} here`)
  if (own.backends === undefined || other.backends === undefined)
    return found.length > 0 ? found : ['other backends, or another secret']
  const [ours, theirs] = [own.backends, other.backends].map(
    backends =>
      new Map(backends.map(([name, weight, backup]) => [name, `${weight}${backup === 1 ? ', a backup' : ''}`])),
  ) as [Map<string, string>, Map<string, string>]
  for (const [name, weight] of ours) {
    const there = theirs.get(name)
    if (there === undefined) found.push(`backend ${name} is not there`)
    else if (there !== weight) found.push(`weight of ${name} is ${there} there, ${weight} here`)
  }
  for (const name of theirs.keys()) if (!ours.has(name)) found.push(`backend ${name} is only there`)
  return found
}
