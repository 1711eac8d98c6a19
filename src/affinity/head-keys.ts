import type { ResolvedAffinity, ResolvedKey } from '../config/resolved.ts'
import { KeyFallback, type NativeHeadKeys, native } from '../native.ts'
import { KeyModule } from './key-module.ts'
import { FunctionKeySource, type KeySource, NativeKeySource } from './key-source.ts'
import { needsScript } from './needs-script.ts'
import { KeyRegex } from './regex/key-regex.ts'

/** How the keys of a pool's clients are found in their first bytes, and what becomes of those without one. */
export interface HeadKeys {
  /** In their order. */
  readonly sources: readonly KeySource[]
  /** All of them, where the native core knows every one; undefined: JavaScript must ask. */
  readonly native: NativeHeadKeys | undefined
  /** A {@link KeyFallback}. */
  readonly fallback: number
}

/** Undefined: their addresses are the keys, and nobody's first bytes are waited for. */
export function headKeysOf({ key, fallback }: ResolvedAffinity): HeadKeys | undefined {
  const looked = key.filter(one => one !== 'source')
  if (looked.length === 0) return undefined
  return {
    sources: looked.map(sourceOf),
    native: needsScript(looked) ? undefined : new (native().HeadKeys)(looked.filter(one => typeof one === 'string')),
    // Whoever names it has said what becomes of the others.
    fallback: KeyFallback[key.includes('source') ? 'source' : fallback],
  }
}

function sourceOf(key: ResolvedKey): KeySource {
  if (typeof key === 'string') return new NativeKeySource(key)
  if (key instanceof KeyRegex) return key
  if (key instanceof KeyModule) return new FunctionKeySource(key.text, () => key.function)
  return new FunctionKeySource(`[Function ${key.name || 'anonymous'}]`, () => key)
}
