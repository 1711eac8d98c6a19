import type { ResolvedListener } from '../config/resolved.ts'
import { type NativeAddressFilter, native } from '../native.ts'

/** Which clients a listener takes; undefined: whoever comes, and nothing is looked up. */
export function filterOf({ allow, deny }: ResolvedListener): NativeAddressFilter | undefined {
  if (allow.length === 0 && deny.length === 0) return undefined
  return new (native().AddressFilter)(allow, deny)
}
