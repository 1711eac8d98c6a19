import type { z } from 'zod'
import { needsScript } from '../affinity/needs-script.ts'
import type { DescribedSendProxy } from './describe.ts'
import { isMapping } from './mapping.ts'
import { readSource, type sendProxy } from './outgoing-schema.ts'
import type { Finding } from './parsed.ts'
import type { ResolvedSendProxy } from './resolved.ts'
import { routesByCode } from './route-findings.ts'
import { type Path, quote } from './text.ts'
import type { ListenerView, PoolView, View } from './view.ts'

/** Undefined: there is none. */
export function sendProxyOf(given: z.output<ReturnType<typeof sendProxy>>): ResolvedSendProxy | undefined {
  if (given === 'off') return undefined
  const { version, tlvs } = typeof given === 'string' ? { version: given, tlvs: [] } : given
  return { version: version === 'v1' ? 1 : 2, tlvs: [...new Set(tlvs)] }
}

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

/** Pools and listeners whose clients cannot be what backends see, because the stream relay serves them. */
export function transparentFindings({ listeners, pools }: View): Finding[] {
  const transparent = pools.filter(({ source }) => source?.isTransparent === true)
  const names = new Set(transparent.map(({ name }) => name))
  return [
    ...listeners.flatMap(listener => {
      const { index, relay, tls } = listener
      const pool = listener.pools.find(name => names.has(name))
      if (pool === undefined) return []
      const who = `the pool ${quote(pool)} is transparent`
      if (relay === 'stream') return notFromClients(['listeners', index, 'relay'], who, 'auto, native')
      if (isMapping(tls)) return notFromClients(['listeners', index, 'tls'], `${who}, TLS ends here`, 'off')
      const why = whyStreamBehindRoutes(listener, pools, pool)
      const instead = 'a listener of its own for that pool'
      return why === undefined ? [] : notFromClients(['listeners', index, 'route'], `${who}, ${why}`, instead)
    }),
    ...transparent.flatMap(pool => {
      const why = streamOnlyPart(pool)
      const path = ['pools', pool.name, 'source', 'transparent']
      return why === undefined ? [] : notFromClients(path, `the pool has ${why}`)
    }),
  ]
}

/** Which part of a pool only the stream relay can do; undefined: there is none. */
function streamOnlyPart({ backendTls, cookieMode }: PoolView): string | undefined {
  if (isMapping(backendTls)) return 'backendTls'
  return cookieMode === undefined ? undefined : 'affinity.cookie'
}

/** Behind routes one pool decides who carries the clients of them all. Undefined: nothing speaks against the native relay. */
function whyStreamBehindRoutes(
  listener: ListenerView,
  pools: readonly PoolView[],
  transparent: string,
): string | undefined {
  if (listener.choice?.hasRoute !== true) return undefined
  if (routesByCode(listener)) return 'a function of route chooses the pool'
  for (const pool of pools.filter(({ name }) => listener.pools.includes(name))) {
    const part = streamOnlyPart(pool)
    // Of the pool itself that is said at its own place.
    if (part !== undefined && pool.name !== transparent) return `${quote(pool.name)} beside it has ${part}`
    if (needsScript(pool.keys ?? [])) return `affinity.key of ${quote(pool.name)} is code`
  }
  return undefined
}

function notFromClients(path: Path, who: string, instead?: string): Finding[] {
  const message = `${who}, and the stream relay cannot connect from the address of a client: Node has no IP_TRANSPARENT`
  const accepted = instead === undefined ? 'off' : `${instead}; or source.transparent: off`
  return [{ path, message, accepted, code: 'LIMPET_ERR_TRANSPARENT' }]
}

/** What is most likely not meant: addresses that this host does not have now, and a privilege that will be gone. */
export function outgoingWarnings({ pools, user }: View, localAddresses: ReadonlySet<string>): Finding[] {
  const foreign = pools.flatMap(({ name, source }) =>
    (source?.bind ?? []).flatMap((address, index): Finding[] => {
      if (address === '' || address === '::1' || address.startsWith('127.') || localAddresses.has(address)) return []
      const message = `this host has no address ${address} now; without it, it cannot start`
      return [{ path: ['pools', name, 'source', 'bind', index], message }]
    }),
  )
  const transparent = pools.find(({ source }) => source?.isTransparent === true)
  if (user === undefined || transparent === undefined) return foreign
  const message =
    'whoever becomes another user loses CAP_NET_ADMIN, and cannot connect from the addresses of clients any more; start as that user, in a unit with AmbientCapabilities'
  return [...foreign, { path: ['pools', transparent.name, 'source', 'transparent'], message }]
}
