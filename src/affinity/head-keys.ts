import type { ResolvedAffinity } from '../config/resolved.ts'
import { KeyFallback, type NativeHeadKeys, native } from '../native.ts'

/** How the keys of a pool's clients are found in their first bytes, and what becomes of those without one. */
export interface HeadKeys {
  readonly keys: NativeHeadKeys
  /** A {@link KeyFallback}. */
  readonly fallback: number
  /** Whether some are learnt from what backends answer. */
  readonly learns: boolean
}

/** Undefined: their addresses are the keys, and nobody's first bytes are waited for. */
export function headKeysOf({ key, fallback, postgres }: ResolvedAffinity): HeadKeys | undefined {
  const texts = key.filter(text => text !== 'source')
  if (texts.length === 0) return undefined
  // Whoever names it has said what becomes of the others.
  const isSource = key.includes('source')
  const keys = new (native().HeadKeys)(texts, postgres.tls === 'refuse')
  return { keys, fallback: KeyFallback[isSource ? 'source' : fallback], learns: keys.learns }
}
