import { formatAddress } from './address.ts'
import type { Mode } from './duration.ts'
import { outgoingWarnings } from './outgoing.ts'
import type { Finding } from './parsed.ts'
import { proxyWarnings } from './proxy-findings.ts'
import { routesByCode } from './route-findings.ts'
import { listNames, quote } from './text.ts'
import { tlsWarnings } from './tls-findings.ts'
import type { PoolView, View } from './view.ts'

/** What is allowed, and most likely not meant. */
export function warningsOf(view: View, mode: Mode, localAddresses: ReadonlySet<string>): Finding[] {
  const used = new Set(view.listeners.flatMap(listener => listener.pools))
  // Code may name any pool.
  const isKnown = view.listeners.length > 0 && !view.listeners.some(routesByCode)
  const unused = mode === 'yaml' && isKnown ? view.pools.filter(pool => !used.has(pool.name)) : []
  return [
    ...(mode === 'yaml' && view.listeners.length === 0 ? [noListeners()] : []),
    ...(mode === 'yaml' ? variablesAsText(view) : []),
    ...unused.map(
      ({ name }): Finding => ({ path: ['pools', name], message: 'no listener sends clients to this pool', at: 'key' }),
    ),
    ...view.pools.flatMap(poolWarnings),
    ...proxyWarnings(view, mode),
    ...outgoingWarnings(view, localAddresses),
    ...adminWarnings(view),
    ...tlsWarnings(view),
  ]
}

function adminWarnings({ admin }: View): Finding[] {
  const listen = admin?.listen
  if (listen === undefined || listen.kind === 'unix') return []
  const host = listen.kind === 'any' ? '' : listen.host
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return []
  const message = 'the admin API is not encrypted: whoever sees its packets learns the token; put TLS in front of it'
  return [{ path: ['admin', 'listen'], message }]
}

/** A secret that is written as a shell would have it: nothing is put in its place, and it would be known to everybody. */
function variablesAsText({ pools, admin }: View): Finding[] {
  const secrets: [string[], unknown][] = pools.map(({ name, secret }) => [['pools', name, 'secret'], secret])
  return [...secrets, [['admin', 'token'], admin?.token] as const].flatMap(([path, value]) => {
    const [, name] = (typeof value === 'string' ? /^\$\{?([A-Za-z_]\w*)\}?$/u.exec(value) : undefined) ?? []
    return name === undefined
      ? []
      : [{ path: [...path], message: `this is the text itself, and not the variable: write { env: ${name} }` }]
  })
}

function noListeners(): Finding {
  return { path: ['listeners'], message: 'there is no listener, so there is nothing to run', at: 'key' }
}

function poolWarnings(pool: PoolView): Finding[] {
  const path = ['pools', pool.name]
  const warnings: Finding[] = []
  if (pool.secret === undefined) {
    const message =
      "the secret is derived from the pool's name: clients that guess it can choose their backend; set secret"
    warnings.push({ path, message, at: 'key' })
  }
  if (pool.backends.length === 0 && pool.isDiscovered !== true)
    warnings.push({ path, message: 'there is no backend: every client is refused', at: 'key' })
  else if (pool.backends.length > 0 && pool.backends.every(backend => backend.weight === 0)) {
    warnings.push({
      path: [...path, 'backends'],
      message: 'every backend has weight 0: every new client is refused',
      at: 'key',
    })
  }
  if (pool.hasIdleBurst) {
    const message = 'burst means nothing without newPerSecondPerKey'
    warnings.push({ path: [...path, 'limits', 'burst'], message })
  }
  if (pool.hasIdleQueue) {
    const message = 'nobody ever waits: neither the pool nor a backend has maxSessions'
    warnings.push({ path: [...path, 'limits', 'queue'], message })
  }
  if (pool.hasIdleAgent) warnings.push({ path: [...path, 'agent'], message: 'nobody is asked without a port' })
  return [...warnings, ...sharedAddresses(pool)]
}

function sharedAddresses(pool: PoolView): Finding[] {
  const byAddress = new Map<string, string[]>()
  const warnings: Finding[] = []
  for (const { index, name, address } of pool.backends) {
    if (address === undefined || name === undefined) continue
    const text = formatAddress(address)
    const others = byAddress.get(text)
    if (others === undefined) byAddress.set(text, [name])
    else if (others.push(name) === 2) {
      const message = `${quote(name)} has the same address as ${listNames(others.slice(0, 1))}: one server counts as two backends`
      warnings.push({ path: ['pools', pool.name, 'backends', index, 'address'], message })
    }
  }
  return warnings
}
