import type { ResolvedConfig } from '../config/resolved.ts'
import { PoolCore } from '../pool/core.ts'

/** The digest of every pool, by name. */
export function digestsOf(config: ResolvedConfig): Map<string, string> {
  return new Map([...config.pools].map(([name, pool]) => [name, new PoolCore(pool).digest]))
}
