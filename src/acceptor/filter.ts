import type { ResolvedListener } from '../config/resolved.ts'
import { type NativeAddressFilter, native } from '../native.ts'

/** Which clients a listener takes; undefined: whoever comes, and nothing is looked up. */
export function filterOf({ allow, deny }: ResolvedListener): NativeAddressFilter | undefined {
  if (allow.length === 0 && deny.length === 0) return undefined
  return new (native().AddressFilter)(allow, deny)
}

/** From whom a PROXY header is taken, and is a must. */
export interface ProxyRules {
  readonly trust: NativeAddressFilter
  /** Milliseconds until the header is whole. */
  readonly timeout: number
}

/** Undefined: clients come without a header. */
export function proxyRulesOf({ proxyProtocol }: ResolvedListener): ProxyRules | undefined {
  const { accept, trust, timeout } = proxyProtocol
  return accept === 'on' ? { trust: new (native().AddressFilter)(trust, []), timeout } : undefined
}
