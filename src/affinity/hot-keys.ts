import type { ResolvedAffinity } from '../config/resolved.ts'
import { type NativeHeadKeys, native } from '../native.ts'

/** How the clients of a hot key are told apart: by their ports, or by what is in their first bytes. */
export type HotBy = 'port' | NativeHeadKeys

/** Undefined: no key is spread. */
export function hotByOf({ hotKey }: ResolvedAffinity): HotBy | undefined {
  if (hotKey === undefined || hotKey.by === 'port') return hotKey?.by as 'port' | undefined
  return new (native().HeadKeys)([hotKey.by])
}
