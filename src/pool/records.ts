import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { type BackendAddress, formatAddress } from '../config/address.ts'
import type { ResolvedBackend } from '../config/resolved.ts'

/** Where a connection can go. */
export type Endpoint = Exclude<BackendAddress, { kind: 'name' }>

/** A backend of a pool, as it is configured now. */
export interface BackendRecord extends ResolvedBackend {
  /** Where connections go: the address, or what its host name was found to be; undefined until that was looked up. */
  readonly endpoint: Endpoint | undefined
}

/** What host names were found to be. */
export type Hosts = ReadonlyMap<string, LookupAddress>

/** Looks up the host names of backends, each once. Rejects with the error of the first that fails. */
export async function lookUp(backends: readonly ResolvedBackend[]): Promise<Hosts> {
  const hosts = new Set(backends.flatMap(({ address }) => (address.kind === 'name' ? [address.host] : [])))
  return new Map(await Promise.all([...hosts].map(async host => [host, await lookup(host)] as const)))
}

/** Those of these backends whose host names a pool has not looked up. */
export function unknownHosts(
  pool: { knows(name: string, address: BackendAddress): boolean },
  backends: readonly ResolvedBackend[],
): ResolvedBackend[] {
  return backends.filter(({ name, address }) => address.kind === 'name' && !pool.knows(name, address))
}

/** Whether connections go to the same place. */
export function isSameEndpoint(left: BackendRecord, right: BackendRecord): boolean {
  if (left.endpoint === undefined || right.endpoint === undefined) return left.endpoint === right.endpoint
  return formatAddress(left.endpoint) === formatAddress(right.endpoint)
}

/** A backend with its endpoint; one whose host name is the same as before needs no second look-up. */
export function recordOf(backend: ResolvedBackend, before?: BackendRecord, hosts: Hosts = new Map()): BackendRecord {
  const { address } = backend
  if (address.kind !== 'name') return { ...backend, endpoint: address }
  if (before?.endpoint !== undefined && formatAddress(before.address) === formatAddress(address)) {
    return { ...backend, endpoint: before.endpoint }
  }
  const answer = hosts.get(address.host)
  if (answer === undefined) return { ...backend, endpoint: undefined }
  const family = answer.family === 6 ? 6 : 4
  return { ...backend, endpoint: { kind: 'ip', host: answer.address, port: address.port, family, needsLookup: false } }
}
