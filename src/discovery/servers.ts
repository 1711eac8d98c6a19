import { isIPv4, SocketAddress } from 'node:net'
import type { IpAddress } from '../config/address.ts'
import type { ServiceRecord } from './dns-message.ts'
import type { FoundServer, KnownAddresses } from './found.ts'

/** An SRV record, and the addresses that its target has. */
export interface Service extends Pick<ServiceRecord, 'target' | 'port' | 'priority' | 'weight'> {
  readonly addresses: readonly string[]
}

/*
 * All of these are functions of what was answered as a set: neither its order, nor a record that is there twice, makes a difference.
 */

/** Each address is a server, called by it. */
export function serversByAddress(addresses: readonly string[], port: number): FoundServer[] {
  return sorted(addresses).map(host => ({
    name: nameOf(host),
    address: ipAddress(host, port),
    weight: 1,
    backup: false,
  }))
}

/** A name is one server: where it was, if it is still there, otherwise at the lowest of its addresses. */
export function serverByName(
  name: string,
  addresses: readonly string[],
  port: number,
  known: KnownAddresses,
): FoundServer {
  const host = chosen(name, addresses, known)
  return { name, address: ipAddress(host, port), weight: 1, backup: false }
}

/** What SRV records lead to, called by target and port. Who is not of the lowest priority is a backup. */
export function serversByTarget(services: readonly Service[], known: KnownAddresses): FoundServer[] {
  const named = services.map(service => ({ service, name: `${service.target}:${service.port}` }))
  return weighed(named).map(({ name, service, weight, backup }) => ({
    ...{ name, weight, backup },
    address: ipAddress(chosen(name, service.addresses, known), service.port),
  }))
}

/** The same, each address of a target a server, called by address and port. */
export function serversByTargetAddress(services: readonly Service[]): FoundServer[] {
  const named = services.flatMap(service =>
    service.addresses.map(host => ({ service, host, name: `${nameOf(host)}:${service.port}` })),
  )
  return weighed(named).map(({ name, host, service, weight, backup }) => ({
    ...{ name, weight, backup },
    address: ipAddress(host, service.port),
  }))
}

/**
 * Each name once, as the record of the lowest priority and the most weight has it. Weights are divided by what divides all of
 * them: a server that says 33 of each of three says 25 of each of four. Where all are 0, all are 1; otherwise 0, which has "a
 * very small chance" (RFC 2782), is 1.
 */
function weighed<T extends { name: string; service: ServiceRecord | Service }>(
  all: readonly T[],
): (T & { weight: number; backup: boolean })[] {
  const ranked = [...all].sort(
    ({ service: left }, { service: right }) => left.priority - right.priority || right.weight - left.weight,
  )
  const byName = new Map<string, T>()
  for (const one of ranked) if (!byName.has(one.name)) byName.set(one.name, one)
  const best = ranked[0]?.service.priority ?? 0
  const divisor = [...byName.values()].reduce((common, { service }) => commonDivisor(common, service.weight), 0)
  return [...byName.values()]
    .map(one => {
      const weight = divisor === 0 ? 1 : Math.max(1, one.service.weight / divisor)
      return { ...one, weight, backup: one.service.priority > best }
    })
    .sort((left, right) => compareText(left.name, right.name))
}

/** The greatest; of 0 and a number, the number. */
function commonDivisor(left: number, right: number): number {
  return right === 0 ? left : commonDivisor(right, left % right)
}

function chosen(name: string, addresses: readonly string[], known: KnownAddresses): string {
  const all = sorted(addresses)
  const before = known.get(name)
  return all.find(host => before?.kind === 'ip' && before.host === ipAddress(host, 1).host) ?? all[0] ?? ''
}

/** Each once, in an order that depends on nothing else. */
function sorted(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map(address => ipAddress(address, 1).host))].sort(compareText)
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** A name begins with a letter or a digit, which `::1` does not. */
function nameOf(host: string): string {
  return host.startsWith(':') ? `0${host}` : host
}

/** In canonical text; an IPv4-mapped IPv6 address has become IPv4. */
function ipAddress(host: string, port: number): IpAddress {
  const ip = { kind: 'ip', port, needsLookup: false } as const
  if (isIPv4(host)) return { ...ip, host, family: 4 }
  const canonical = new SocketAddress({ address: host, family: 'ipv6' }).address
  const mapped = canonical.startsWith('::ffff:') ? canonical.slice('::ffff:'.length) : ''
  return isIPv4(mapped) ? { ...ip, host: mapped, family: 4 } : { ...ip, host: canonical, family: 6 }
}
