import type { z } from 'zod'
import { localAddresses } from './loops.ts'
import { isMapping } from './mapping.ts'

import type { ProxyTlvName } from './options.ts'
import { readSource, type sendProxy } from './outgoing-schema.ts'
import type { Finding } from './parsed.ts'
import { quote } from './text.ts'
import type { View } from './view.ts'

/** The PROXY protocol header that backends get. */
export interface ResolvedSendProxy {
  readonly version: 1 | 2
  readonly tlvs: readonly ProxyTlvName[]
}

/** Where connections to backends come from. */
export interface ResolvedSource {
  /** Canonical texts of IP addresses; empty: the system chooses. */
  readonly bind: readonly string[]
  /** Whether, of sessions, they come from the client's address, or from its port, too. */
  readonly transparent: 'off' | 'on' | 'port'
}

/** Undefined: there is none. */
export function sendProxyOf(given: z.output<ReturnType<typeof sendProxy>>): ResolvedSendProxy | undefined {
  if (given === 'off') return undefined
  const { version, tlvs } = typeof given === 'string' ? { version: given, tlvs: [] } : given
  return { version: version === 'v1' ? 1 : 2, tlvs: [...new Set(tlvs)] }
}

export type DescribedSendProxy = 'off' | 'v1' | 'v2' | { version: 'v1' | 'v2'; tlvs: ProxyTlvName[] }

/** In the words of the configuration. */
export function describeSendProxy(settings: ResolvedSendProxy | undefined): DescribedSendProxy {
  if (settings === undefined) return 'off'
  const version = settings.version === 1 ? 'v1' : 'v2'
  return settings.tlvs.length === 0 ? version : { version, tlvs: [...settings.tlvs] }
}

/** What of the view is about it: `source` as it is written. */
export interface SourceView {
  bind: readonly string[]
  isTransparent: boolean
}

export function sourceView(raw: unknown): SourceView {
  const { bind, transparent = 'off' } = isMapping(raw) ? raw : {}
  const sources = Array.isArray(bind) ? bind.map(readSource) : []
  return {
    bind: sources.map(read => ('value' in read ? read.value : '')),
    isTransparent: transparent === true || transparent === 'on' || transparent === 'port',
  }
}

/** Listeners whose clients cannot be what backends see. */
export function transparentFindings({ listeners, pools }: View): Finding[] {
  const transparent = new Set(pools.flatMap(({ name, source }) => (source?.isTransparent === true ? [name] : [])))
  return listeners.flatMap(({ index, relay, pool }): Finding[] => {
    if (relay !== 'stream' || pool === undefined || !transparent.has(pool)) return []
    const message = `the pool ${quote(pool)} is transparent, and the stream relay cannot connect from the address of a client: Node has no IP_TRANSPARENT`
    const accepted = 'auto, native; or source.transparent: off'
    return [{ path: ['listeners', index, 'relay'], message, accepted, code: 'LIMPET_ERR_TRANSPARENT' }]
  })
}

/** Outgoing addresses that this host does not have now. At start that is an error. */
export function sourceWarnings({ pools }: View): Finding[] {
  const own = pools.some(({ source }) => (source?.bind.length ?? 0) > 0) ? localAddresses() : undefined
  return pools.flatMap(({ name, source }) =>
    (source?.bind ?? []).flatMap((address, index): Finding[] => {
      if (address === '' || address === '::1' || address.startsWith('127.') || own?.has(address) !== false) return []
      const message = `this host has no address ${address} now; without it, it cannot start`
      return [{ path: ['pools', name, 'source', 'bind', index], message }]
    }),
  )
}
