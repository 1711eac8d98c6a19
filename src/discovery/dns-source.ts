import type { ResolvedDnsDiscovery } from '../config/discovery.ts'
import { DnsClient, type DnsRecords } from './dns-client.ts'
import type { DnsRecord } from './dns-message.ts'
import { DiscoveryFailure } from './failure.ts'
import { backendOf, type DiscoverySource, type Found, type FoundServer, type KnownAddresses } from './found.ts'
import { type Service, serverByName, serversByAddress, serversByTarget, serversByTargetAddress } from './servers.ts'

/** Questions that are under way at one time. */
const MOST_AT_ONCE = 16
/** Targets of SRV records whose addresses are asked for: a pool holds 10,000 backends. */
const MOST_TARGETS = 10_000
/** RFC 952 and 1123, and underscores, which are seen; a backend's name begins with a letter or a digit. */
const HOST_NAME = /^[a-z0-9]([a-z0-9_.-]*[a-z0-9])?$/
const ADDRESS_TYPES = ['A', 'AAAA'] as const

/** What one question brought. */
interface Part {
  servers: FoundServer[]
  ttlMs: number
  troubles: string[]
}

/** Addresses of one target, for as long as they hold. */
interface TargetAddresses {
  addresses: readonly string[]
  ttlMs: number
}

/** Backends that DNS knows. What one name does not give any more is what it gave the last time. */
export class DnsSource implements DiscoverySource {
  readonly #settings: ResolvedDnsDiscovery
  readonly #client: DnsClient
  /** By the name that was asked for. */
  readonly #parts = new Map<string, Part>()
  /** What targets were found to be, of the last answers of their name; by that name. */
  readonly #targets = new Map<string, ReadonlyMap<string, readonly string[]>>()

  constructor(settings: ResolvedDnsDiscovery) {
    this.#settings = settings
    this.#client = new DnsClient({ servers: settings.resolvers, timeoutMs: settings.timeout })
  }

  async look(known: KnownAddresses, signal: AbortSignal): Promise<Found> {
    const failures: DiscoveryFailure[] = []
    const parts = await inTurns(this.#settings.names, async (name): Promise<Part | undefined> => {
      try {
        const part = await this.#ask(name, known, signal)
        this.#parts.set(name, part)
        return part
      } catch (error) {
        if (!(error instanceof DiscoveryFailure)) throw error
        failures.push(error)
        const before = this.#parts.get(name)
        return before && { servers: before.servers, ttlMs: 0, troubles: [] }
      }
    })
    if (failures.length === this.#settings.names.length) throw failures[0]
    const there = parts.filter(part => part !== undefined)
    return {
      backends: distinct(there.flatMap(({ servers }) => servers)).map(server => backendOf(server, this.#settings)),
      ttlMs: Math.min(...there.map(({ ttlMs }) => ttlMs)),
      troubles: [...failures.map(({ message }) => message), ...there.flatMap(({ troubles }) => troubles)],
    }
  }

  async #ask(name: string, known: KnownAddresses, signal: AbortSignal): Promise<Part> {
    const { type, identity, port = 0 } = this.#settings
    if (type === 'SRV') return await this.#askForServices(name, known, signal)
    const { records, ttlMs } = await this.#client.records(name, type, signal)
    const addresses = records.map(({ data }) => data)
    const servers =
      identity === 'name' ? [serverByName(name, addresses, port, known)] : serversByAddress(addresses, port)
    return { servers, ttlMs, troubles: [] }
  }

  async #askForServices(name: string, known: KnownAddresses, signal: AbortSignal): Promise<Part> {
    const answer = await this.#client.records(name, 'SRV', signal)
    const troubles: string[] = []
    const before = this.#targets.get(name)
    const wanted = [...new Set(answer.records.map(({ data }) => data.target))].slice(0, MOST_TARGETS)
    const found = new Map<string, TargetAddresses>()
    await inTurns(wanted, async target => {
      try {
        found.set(target, await this.#addressesOf(target, answer, signal))
      } catch (error) {
        if (!(error instanceof DiscoveryFailure)) throw error
        troubles.push(`${target}: ${error.message}`)
        const last = before?.get(target)
        if (last !== undefined) found.set(target, { addresses: last, ttlMs: 0 })
      }
    })
    if (found.size === 0) throw new DiscoveryFailure('negative', `no target of ${name} has an address: ${troubles[0]}`)
    this.#targets.set(name, new Map([...found].map(([target, { addresses }]) => [target, addresses])))
    const services = answer.records.flatMap(({ data }): Service[] => {
      const addresses = found.get(data.target)?.addresses
      // RFC 2782 has no port 0.
      return addresses === undefined || data.port === 0 ? [] : [{ ...data, addresses }]
    })
    const isByName = this.#settings.identity === 'name'
    const ttlMs = Math.min(answer.ttlMs, ...[...found.values()].map(target => target.ttlMs))
    return { servers: isByName ? serversByTarget(services, known) : serversByTargetAddress(services), ttlMs, troubles }
  }

  /** IPv4, where a target has both. What came with the answer need not be asked for. */
  async #addressesOf(target: string, answer: DnsRecords<'SRV'>, signal: AbortSignal): Promise<TargetAddresses> {
    if (!HOST_NAME.test(target)) throw new DiscoveryFailure('negative', 'this is no name of a host')
    let last: unknown
    for (const type of ADDRESS_TYPES) {
      const added = answer.additionals.filter(record => record.type === type && record.name === target)
      if (added.length > 0) return addressesOf(added)
      try {
        const { records, ttlMs } = await this.#client.records(target, type, signal)
        return { addresses: records.map(({ data }) => data), ttlMs }
      } catch (error) {
        // Whether it has no IPv4 address is not known where nobody answers, and it must not change its family for that.
        if (!(error instanceof DiscoveryFailure) || error.kind !== 'negative') throw error
        last = error
      }
    }
    throw last
  }
}

function addressesOf(records: readonly DnsRecord[]): TargetAddresses {
  const addresses = records.flatMap(({ data }) => (typeof data === 'string' ? [data] : []))
  return { addresses, ttlMs: Math.min(...records.map(({ ttl }) => ttl * 1000)) }
}

/** Two names may lead to the same server. */
function distinct(servers: readonly FoundServer[]): FoundServer[] {
  return [...new Map([...servers].reverse().map(server => [server.name, server])).values()].reverse()
}

/** All of them, so many at a time; the results are in their order. */
async function inTurns<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await run(items[index] as T)
    }
  }
  await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, items.length) }, work))
  return results
}
