import type { ResolvedAffinity, ResolvedKey } from '../config/resolved.ts'
import { KeyFallback, type NativeHeadKeys, type NativePool, native } from '../native.ts'
import { functionName } from './key-function.ts'
import { KeyModule } from './key-module.ts'
import { FunctionKeySource, type KeySource, KnownKeySource, NativeKeySource } from './key-source.ts'
import { needsScript } from './needs-script.ts'
import { KeyRegex } from './regex/key-regex.ts'

/** Only who ends TLS knows of client certificates: src/tls/keys.ts. */
const CLIENT_SUBJECT = 'tls.clientSubject'

/** How the keys of a pool's clients are found in their first bytes, and what becomes of those without one. */
export interface HeadKeys {
  /** In their order. */
  readonly sources: readonly KeySource[]
  /** Those that the native core knows. */
  readonly keys: NativeHeadKeys
  /** There are others: JavaScript must ask. */
  readonly needsScript: boolean
  /** Requests of PostgreSQL for encryption are answered here. */
  readonly refusesEncryption: boolean
  /** A {@link KeyFallback}. */
  readonly fallback: number
  /** Whether some are learnt from what backends answer. */
  readonly learns: boolean
}

/** `pool`: of theirs. Undefined: their addresses are the keys, and nobody's first bytes are waited for. */
export function headKeysOf(
  { key, fallback, postgres }: ResolvedAffinity,
  pool: () => NativePool,
): HeadKeys | undefined {
  const looked = key.filter(one => one !== 'source')
  if (looked.length === 0) return undefined
  const keys = new (native().HeadKeys)(
    looked.filter((one): one is string => typeof one === 'string' && one !== CLIENT_SUBJECT),
    postgres.tls === 'refuse',
  )
  return {
    sources: looked.map(one => sourceOf(one, pool)),
    keys,
    needsScript: needsScript(looked),
    refusesEncryption: postgres.tls === 'refuse',
    // Whoever names it has said what becomes of the others.
    fallback: KeyFallback[key.includes('source') ? 'source' : fallback],
    learns: keys.learns,
  }
}

function sourceOf(key: ResolvedKey, pool: () => NativePool): KeySource {
  if (key === CLIENT_SUBJECT) return new KnownKeySource(key, undefined)
  if (typeof key === 'string') return new NativeKeySource(key, pool)
  if (key instanceof KeyRegex) return key
  if (key instanceof KeyModule) return new FunctionKeySource(key.text, () => key.function)
  return new FunctionKeySource(functionName(key), () => key)
}
