import type { Mode } from './duration.ts'
import type { Finding } from './parsed.ts'
import { isProxyKey } from './proxy-key.ts'
import { placesOf } from './route-findings.ts'
import { quote } from './text.ts'
import type { ListenerView, PoolView, View } from './view.ts'

/** What is wrong with a listener that takes its clients from proxies. */
export function proxyFindings({ index, bind, acceptsProxy, trust }: ListenerView): Finding[] {
  if (acceptsProxy !== true) return []
  const path = ['listeners', index, 'proxyProtocol']
  if (bind?.kind === 'unix') {
    const message = 'who connects to a unix socket has no address that could be trusted'
    return [{ path: [...path, 'accept'], message, accepted: 'off; or an address as bind' }]
  }
  if (trust !== undefined && !(Array.isArray(trust) && trust.length === 0)) return []
  const message = 'is missing: somebody must be trusted to say who the clients are'
  return [{ path: [...path, 'trust'], message, accepted: 'the networks of the proxies, like [10.0.0.0/8]', at: 'key' }]
}

/** What of it is allowed, and most likely not meant. */
export function proxyWarnings(view: View, mode: Mode): Finding[] {
  const pools = view.pools.filter(({ keys }) => keys?.some(isProxyKey))
  return [
    ...view.listeners.flatMap(everybodyTrusted),
    ...pools.flatMap(pool => withoutHeaders(pool, view)),
    ...(mode === 'options' ? pools.flatMap(pool => onlyHandled(pool, view)) : []),
  ]
}

function everybodyTrusted({ index, acceptsProxy, trust }: ListenerView): Finding[] {
  if (acceptsProxy !== true || !Array.isArray(trust)) return []
  return trust.flatMap((network, at) => {
    if (typeof network !== 'string' || !network.endsWith('/0')) return []
    const message = 'everybody is trusted: whoever connects can say that it is any client'
    return [{ path: ['listeners', index, 'proxyProtocol', 'trust', at], message }]
  })
}

function withoutHeaders({ name }: PoolView, { listeners }: View): Finding[] {
  return listeners.flatMap(listener => {
    if (listener.acceptsProxy === true) return []
    const message = `clients of this listener have no PROXY header, in which affinity.key of the pool ${quote(name)} looks: see proxyProtocol`
    return placesOf(listener).flatMap(([path, pool]) => (pool === name ? [{ path, message }] : []))
  })
}

function onlyHandled({ name }: PoolView, { listeners }: View): Finding[] {
  if (listeners.some(({ pools }) => pools.includes(name))) return []
  const message = 'sockets that are given to handle() have no PROXY header, in which this key is'
  return [{ path: ['pools', name, 'affinity', 'key'], message }]
}
