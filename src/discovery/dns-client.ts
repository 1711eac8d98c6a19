import { Resolver } from 'node:dns'
import { type DnsServer, type DnsType, readDnsServer, serverText } from '../config/discovery.ts'
import { ask } from './dns-exchange.ts'
import type { DnsMessage, DnsQuestion, DnsRecord } from './dns-message.ts'
import { DiscoveryFailure } from './failure.ts'

/** More than these of the system are not asked, as resolv.conf(5) has it. */
const MOST_SERVERS = 3
/** How often each is asked, one after the other. */
const ROUNDS = 2
/** Names that lead to a name; more is a loop, or meant as one. */
const MOST_ALIASES = 8

/** Records that were asked for, and how long they hold. */
export interface DnsRecords<Type extends DnsType = DnsType> {
  readonly records: readonly Extract<DnsRecord, { type: Type }>[]
  readonly ttlMs: number
  /** What the server added of itself. */
  readonly additionals: readonly DnsRecord[]
}

export interface DnsClientOptions {
  /** Empty: those of the system, as they are when it is asked. */
  readonly servers: readonly DnsServer[]
  /** Of one question to one server. */
  readonly timeoutMs: number
}

/** Asks servers one after the other until one of them knows. */
export class DnsClient {
  readonly #options: DnsClientOptions

  constructor(options: DnsClientOptions) {
    this.#options = options
  }

  /**
   * The records of a name. There is at least one.
   *
   * @throws {@link DiscoveryFailure}; the reason of the signal
   */
  async records<Type extends DnsType>(name: string, type: Type, signal: AbortSignal): Promise<DnsRecords<Type>> {
    const question = { name, type }
    const servers = this.#servers()
    let last: unknown = new DiscoveryFailure('server', 'the system names no DNS server')
    for (const server of Array.from({ length: ROUNDS }, () => servers).flat()) {
      try {
        const message = await ask(server, question, this.#options.timeoutMs, signal)
        return recordsOf<Type>(message, question, server)
      } catch (error) {
        // Another one would say the same.
        if (!(error instanceof DiscoveryFailure) || error.kind === 'negative') throw error
        last = error
      }
    }
    throw last
  }

  #servers(): readonly DnsServer[] {
    if (this.#options.servers.length > 0) return this.#options.servers
    // A new one has read /etc/resolv.conf anew.
    return new Resolver().getServers().slice(0, MOST_SERVERS).flatMap(serverOf)
  }
}

function serverOf(text: string): DnsServer[] {
  const read = readDnsServer(text)
  // One with a zone, fe80::1%eth0, is left to others.
  return 'value' in read ? [read.value] : []
}

function recordsOf<Type extends DnsType>(
  { status, answers, additionals }: DnsMessage,
  { name, type }: DnsQuestion,
  server: DnsServer,
): DnsRecords<Type> {
  const by = serverText(server)
  if (status === 'NXDOMAIN') throw new DiscoveryFailure('negative', `there is no name ${name}, says ${by}`)
  if (status !== 'NOERROR') throw new DiscoveryFailure('server', `${by} answers ${status} for ${name}`)
  const chain = aliases(name, answers)
  const owner = chain.at(-1)?.data ?? name
  const records = answers.filter(
    (record): record is Extract<DnsRecord, { type: Type }> => record.type === type && record.name === owner,
  )
  if (records.length === 0) throw new DiscoveryFailure('negative', `${name} has no ${type} record, says ${by}`)
  const ttls = [...chain, ...records].map(({ ttl }) => ttl * 1000)
  return { records, ttlMs: Math.min(...ttls), additionals }
}

/** Only what begins with the name that was asked for counts: whatever else is in an answer is no answer. */
function aliases(name: string, answers: readonly DnsRecord[]): { data: string; ttl: number }[] {
  const chain: { data: string; ttl: number }[] = []
  for (let owner = name; chain.length < MOST_ALIASES; ) {
    const alias = answers.find(record => record.type === 'CNAME' && record.name === owner)
    if (alias === undefined || alias.type !== 'CNAME') break
    chain.push(alias)
    owner = alias.data
  }
  return chain
}
