import { realpathSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { type BackendAddress, type BindAddress, formatAddress, type ListenAddress } from './address.ts'
import type { Finding } from './parsed.ts'
import { type Path, quote } from './text.ts'
import type { ListenerView, PoolView, View } from './view.ts'

/** Addresses of this host, in canonical text; those of loopback are always its own. */
export function localAddresses(): ReadonlySet<string> {
  try {
    return new Set(
      Object.values(networkInterfaces()).flatMap(entries => (entries ?? []).map(entry => entry.address.toLowerCase())),
    )
  } catch {
    // Some sandboxes forbid to list interfaces. Loops are refused where they can be seen, and are then seen on loopback only.
    return new Set()
  }
}

type Port = Exclude<BindAddress, { kind: 'unix' | 'fd' }>

function hasPort(address: BindAddress): address is Port {
  return address.kind !== 'unix' && address.kind !== 'fd'
}

/** Listeners that cannot be open together. */
export function bindProblems(listeners: readonly ListenerView[]): Finding[] {
  const findings: Finding[] = []
  const byPlace = new Map<string, ListenerView[]>()
  for (const listener of listeners) {
    if (listener.bind === undefined) continue
    const place = placeOf(listener.bind)
    if (place === undefined) continue
    const others = byPlace.get(place) ?? []
    const other = others.find(
      ({ bind }) => bind !== undefined && listener.bind !== undefined && overlaps(bind, listener.bind),
    )
    if (other !== undefined) findings.push(sameBind(['listeners', listener.index, 'bind'], other))
    others.push(listener)
    byPlace.set(place, others)
  }
  return findings
}

/** The admin API and a listener that cannot be open together. */
export function adminBindProblem(listen: ListenAddress, listeners: readonly ListenerView[]): Finding | undefined {
  const place = placeOf(listen)
  if (place === undefined) return undefined
  const other = listeners.find(({ bind }) => bind !== undefined && placeOf(bind) === place && overlaps(bind, listen))
  return other === undefined ? undefined : sameBind(['admin', 'listen'], other)
}

/** Binds of different places never meet; port 0 is a free port and meets nobody. */
function placeOf(bind: BindAddress): string | undefined {
  if (bind.kind === 'unix') return `unix:${truePath(bind.path)}`
  if (bind.kind === 'fd') return formatAddress(bind)
  return bind.port === 0 ? undefined : `port ${bind.port}`
}

function overlaps(left: BindAddress, right: BindAddress): boolean {
  if (!hasPort(left) || !hasPort(right)) return formatAddress(left) === formatAddress(right)
  return covers(left, right) || covers(right, left)
}

/** Whether one bind takes the port on the address of another; a listen socket on every address excludes those on one. */
function covers(wide: Port, narrow: Port): boolean {
  if (wide.kind === 'any') return true
  if (narrow.kind === 'any') return false
  if (wide.host === narrow.host) return true
  if (wide.host === '0.0.0.0') return narrow.kind === 'ip' && narrow.family === 4
  return wide.host === '::' && narrow.kind === 'ip' && narrow.family === 6
}

function sameBind(path: Path, other: ListenerView): Finding {
  const bind = other.bind === undefined ? '' : formatAddress(other.bind)
  const message = `the listener ${quote(other.name ?? `[${other.index}]`)} already listens on ${bind}`
  return { path, message, accepted: 'an address that no other listener has' }
}

/**
 * Whether connecting to a backend's address reaches a listener. `local`: addresses of this host, for binds to every
 * address. Names other than localhost are not looked up, so they never match an address here.
 */
export function reaches(address: BackendAddress, bind: BindAddress, local: ReadonlySet<string>): boolean {
  if (address.kind === 'unix') return bind.kind === 'unix' && truePath(bind.path) === truePath(address.path)
  if (!hasPort(bind) || bind.port !== address.port) return false
  if (bind.kind !== 'any' && bind.host === address.host) return true
  if (address.kind === 'name')
    return isLocalhost(address.host) && (bind.kind === 'any' || isWildcard(bind.host) || isLoopback(bind.host))
  const mine = isLoopback(address.host) || local.has(address.host)
  if (bind.kind === 'any') return mine
  if (isLocalhost(bind.host)) return address.host === '127.0.0.1' || address.host === '::1'
  return mine && bind.host === (address.family === 4 ? '0.0.0.0' : '::')
}

/** One spelling for all: the directory without links, where it exists. */
function truePath(path: string): string {
  const absolute = resolve(path)
  try {
    return join(realpathSync(dirname(absolute)), basename(absolute))
  } catch {
    return absolute // the directory is not there yet
  }
}

const isLocalhost = (host: string): boolean => /^localhost\.?$/.test(host)
const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'
const isLoopback = (host: string): boolean => /^127\./.test(host) || host === '::1'

interface Edge {
  from: PoolView
  backend: number
  listener: ListenerView
}

/** Backends from which a session would come back to its own pool, at once or through other listeners. */
export function loopProblems(view: View, local: ReadonlySet<string>): Finding[] {
  const byPlace = new Map<string, ListenerView[]>()
  for (const listener of view.listeners) {
    const place = listener.bind === undefined || listener.pools.length === 0 ? undefined : placeOf(listener.bind)
    if (place !== undefined) byPlace.set(place, [...(byPlace.get(place) ?? []), listener])
  }
  const edges = view.pools.flatMap(pool => edgesOf(pool, byPlace, local))
  const next = new Map<string, Set<string>>()
  for (const { from, listener } of edges) {
    next.set(from.name, new Set([...(next.get(from.name) ?? []), ...listener.pools]))
  }
  return edges.filter(edge => leadsTo(edge.listener.pools, edge.from.name, next)).map(loopFinding)
}

function edgesOf(
  pool: PoolView,
  byPlace: ReadonlyMap<string, readonly ListenerView[]>,
  local: ReadonlySet<string>,
): Edge[] {
  return pool.backends.flatMap(({ index, address }) => {
    const place = address === undefined ? undefined : placeOf(address)
    if (address === undefined || place === undefined) return []
    const listener = byPlace.get(place)?.find(({ bind }) => bind !== undefined && reaches(address, bind, local))
    return listener === undefined ? [] : [{ from: pool, backend: index, listener }]
  })
}

function leadsTo(starts: readonly string[], goal: string, next: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const seen = new Set(starts)
  // A set can be added to while it is walked; each pool is visited once.
  for (const pool of seen) for (const following of next.get(pool) ?? []) seen.add(following)
  return seen.has(goal)
}

function loopFinding({ from, backend, listener }: Edge): Finding {
  const name = quote(listener.name ?? `[${listener.index}]`)
  const direct = listener.pools.includes(from.name)
  const bind = listener.bind === undefined ? '' : ` (${formatAddress(listener.bind)})`
  const message = direct
    ? `this is the listener ${name}${bind} of the same pool: sessions would go round in a circle`
    : `this is the listener ${name}${bind}, whose pool leads back to this one: sessions would go round in a circle`
  const path = ['pools', from.name, 'backends', backend, 'address']
  return { path, message, accepted: 'the address of a server', code: 'LIMPET_ERR_SELF_BACKEND' }
}
