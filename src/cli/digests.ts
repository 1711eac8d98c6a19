import type { ResolvedConfig } from '../config/resolved.ts'
import { PoolCore } from '../pool/core.ts'

/** The digest of every pool, by name; of those whose backends are found it is not known here. */
export function digestsOf(config: ResolvedConfig): Map<string, string> {
  const listed = [...config.pools].filter(([, { discovery }]) => discovery === undefined)
  return new Map(listed.map(([name, pool]) => [name, new PoolCore(pool).digest]))
}
