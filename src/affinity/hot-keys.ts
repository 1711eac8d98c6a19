import type { ResolvedAffinity } from '../config/resolved.ts'
import { NativeKeySource } from './key-source.ts'

/** How the clients of a hot key are told apart: by their ports, their whole addresses, or by what is in their first bytes. */
export type HotBy = 'port' | 'address' | NativeKeySource

/** Undefined: no key is spread. */
export function hotByOf({ hotKey }: ResolvedAffinity): HotBy | undefined {
  if (hotKey === undefined) return undefined
  const { by } = hotKey
  return by === 'port' || by === 'address' ? by : new NativeKeySource(by, () => undefined)
}
