import type { ResolvedConfig, ResolvedPool } from '../config/resolved.ts'
import { deriveSecrets, digest } from '../config/secrets.ts'

/** The digest of every pool, by name. */
export function digestsOf(config: ResolvedConfig): Map<string, string> {
  return new Map([...config.pools].map(([name, pool]) => [name, digestOf(pool)]))
}

export function digestOf({ secret, placement, affinity, backends }: ResolvedPool): string {
  return digest(deriveSecrets(secret.bytes()).digest, { placement, ...affinity, backends })
}
