import { isMapping } from './mapping.ts'
import type { Finding } from './parsed.ts'
import type { ResolvedKey } from './resolved.ts'
import { listNames, quote } from './text.ts'
import type { ListenerView, PoolView, View } from './view.ts'

/** Keys that are in a ClientHello as the client sent it, which nobody has any more when TLS has ended. */
const PASSTHROUGH_ONLY = ['tls.ja4', 'tls.sessionId']

/** What is wrong between TLS and the rest of a document. */
export function tlsFindings({ listeners, pools }: View): Finding[] {
  const byName = new Map(pools.map(pool => [pool.name, pool]))
  return [
    ...listeners.flatMap(listener => {
      const own = listener.pools.flatMap(name => byName.get(name) ?? [])
      return listenerFindings(listener, own)
    }),
    ...pools.flatMap(pool =>
      poolFindings(
        pool,
        listeners.filter(listener => listener.pools.includes(pool.name)),
      ),
    ),
  ]
}

/** What is allowed with TLS, and most likely not meant. */
export function tlsWarnings({ pools, listeners }: View): Finding[] {
  return pools.flatMap(({ name, backendTls, keys = [] }) => {
    const warnings: Finding[] = []
    if (isMapping(backendTls) && isOff(backendTls.verify)) {
      const message = 'whoever is in the way can read and change everything: certificates of backends are not checked'
      warnings.push({ path: ['pools', name, 'backendTls', 'verify'], message })
    }
    const http = textsOf(keys).filter(key => key.startsWith('http.'))
    const at = listeners.find(
      ({ tls, pools }) => pools.includes(name) && isMapping(tls) && listOf(tls.alpn).includes('h2'),
    )
    if (http.length > 0 && at !== undefined) {
      const message = `${listNames(http)} cannot be read in HTTP/2: clients that take h2 have no such key`
      warnings.push({ path: ['listeners', at.index, 'tls', 'alpn'], message })
    }
    return warnings
  })
}

/** Those that are found by no code of the user's. */
function textsOf(keys: readonly ResolvedKey[]): string[] {
  return keys.filter(key => typeof key === 'string')
}

function listenerFindings({ index, tls, acceptor, relay }: ListenerView, pools: readonly PoolView[]): Finding[] {
  const isEnding = isMapping(tls)
  const why = isEnding
    ? 'TLS ends at this listener'
    : pools.some(({ backendTls }) => isMapping(backendTls))
      ? 'its pool has backendTls'
      : undefined
  if (why === undefined) return []
  const findings: Finding[] = []
  for (const [key, value] of Object.entries({ acceptor, relay })) {
    if (value !== 'native') continue
    const message = `${why}, which the native ${key} cannot do`
    findings.push({ path: ['listeners', index, key], message, accepted: 'auto' })
  }
  if (!isEnding) return findings
  if (tls.clientCertificates !== undefined && tls.clientCa === undefined) {
    const message = 'nobody could tell good certificates of clients from others'
    findings.push({ path: ['listeners', index, 'tls', 'clientCertificates'], message, accepted: 'clientCa beside it' })
  }
  return findings
}

function poolFindings(
  { name, keys = [], backendTls, backends }: PoolView,
  listeners: readonly ListenerView[],
): Finding[] {
  const path = ['pools', name, 'affinity', 'key']
  const ending = listeners.filter(({ tls }) => isMapping(tls))
  const findings: Finding[] = []
  const gone = textsOf(keys).filter(key => PASSTHROUGH_ONLY.includes(key))
  if (gone.length > 0 && ending.length > 0) {
    const message = `${listNames(gone)} is in what the client sends, and TLS ends at the listener ${called(ending)}`
    findings.push({ path, message, accepted: 'tls.sni, tls.alpn, tls.clientSubject, or a listener without tls' })
  }
  const without = listeners.filter(({ tls }) => !isMapping(tls) || tls.clientCa === undefined)
  if (keys.includes('tls.clientSubject') && (without.length > 0 || listeners.length === 0)) {
    const message =
      without.length > 0
        ? `the listener ${called(without)} does not ask clients for certificates`
        : 'no listener of this pool asks clients for certificates'
    findings.push({ path, message, accepted: 'listeners with tls.clientCa' })
  }
  return isMapping(backendTls)
    ? [...findings, ...backendTlsFindings({ name, backends }, backendTls, listeners)]
    : findings
}

function backendTlsFindings(
  { name, backends }: Pick<PoolView, 'name' | 'backends'>,
  { cert, key, serverName, verify }: Record<string, unknown>,
  listeners: readonly ListenerView[],
): Finding[] {
  const path = ['pools', name, 'backendTls']
  const findings: Finding[] = []
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'cert' : 'key'
    findings.push({ path: [...path, missing], message: 'is missing', accepted: 'cert and key, or neither', at: 'key' })
  }
  const unnamed = backends.find(({ address }) => address?.kind === 'unix')
  if (unnamed !== undefined && serverName === undefined && !isOff(verify)) {
    const message = `the backend ${quote(unnamed.name ?? `[${unnamed.index}]`)} has no host whose name its certificate could have`
    findings.push({ path: [...path, 'serverName'], message, accepted: 'a name', at: 'key' })
  }
  const plain = listeners.filter(({ tls }) => !isMapping(tls))
  if (serverName === 'sni' && plain.length > 0) {
    const message = `TLS does not end at the listener ${called(plain)}: nobody knows what its clients asked for`
    findings.push({ path: [...path, 'serverName'], message, accepted: 'a name; or listeners with tls' })
  }
  return findings
}

function called([first]: readonly ListenerView[]): string {
  return quote(first?.name ?? `[${first?.index}]`)
}

function isOff(value: unknown): boolean {
  return value === 'off' || value === false
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
