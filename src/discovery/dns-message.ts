import { type Answer, decode, encode, RECURSION_DESIRED } from 'dns-packet'
import type { DnsType } from '../config/discovery.ts'
import { visible } from '../visible.ts'
import { DiscoveryFailure } from './failure.ts'

/** What is asked. */
export interface DnsQuestion {
  /** In small letters, without the last dot. */
  readonly name: string
  readonly type: DnsType
}

/** An SRV record. */
export interface ServiceRecord {
  readonly target: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** What answers are made of; `data`: an address, another name, or a server. */
export type DnsRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA' | 'CNAME'; readonly data: string }
  | { readonly type: 'SRV'; readonly data: ServiceRecord }
)

/** What a server said. */
export interface DnsMessage {
  /** Like `NOERROR` or `NXDOMAIN`. */
  readonly status: string
  readonly answers: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
}

/** What passes through all networks in one piece, as DNS Flag Day 2020 has it. */
const UDP_BYTES = 1232
const HEADER_BYTES = 12
const IS_ANSWER = 0x8000
const IS_TRUNCATED = 0x0200
/** RFC 2181, section 8: one with the highest bit set is 0. */
const MOST_TTL = 2 ** 31 - 1

export function encodeQuery(id: number, { name, type }: DnsQuestion): Buffer {
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type, class: 'IN' }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: UDP_BYTES, flags: 0, options: [] } as never],
  })
}

/**
 * Reads what came for a query. `foreign`: it is no answer to it, and somebody may have made it up; `truncated`: there is more
 * than one datagram holds.
 *
 * @throws {@link DiscoveryFailure} it cannot be read
 */
export function readMessage(bytes: Buffer, id: number, question: DnsQuestion): DnsMessage | 'foreign' | 'truncated' {
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== id) return 'foreign'
  const flags = bytes.readUInt16BE(2)
  if ((flags & IS_ANSWER) === 0) return 'foreign'
  // What is cut in the middle of a record cannot be read, and what comes by TCP says it all.
  if ((flags & IS_TRUNCATED) !== 0) return 'truncated'
  const message = decoded(bytes)
  const [asked] = message.questions ?? []
  const isMine = asked !== undefined && asked.type === question.type && asked.name.toLowerCase() === question.name
  if (!isMine) return 'foreign'
  return {
    status: (message as unknown as { rcode: string }).rcode,
    answers: (message.answers ?? []).flatMap(recordOf),
    additionals: (message.additionals ?? []).flatMap(recordOf),
  }
}

function decoded(bytes: Buffer): ReturnType<typeof decode> {
  try {
    const message = decode(bytes)
    // It reads addresses also where there are no bytes any more.
    if ((decode as unknown as { bytes: number }).bytes > bytes.length) throw new RangeError('it is cut off')
    return message
  } catch (error) {
    const reason = visible((error as Error).message)
    throw new DiscoveryFailure('malformed', `what the server sent cannot be read: ${reason}`, error)
  }
}

function recordOf(answer: Answer): DnsRecord[] {
  // The decoder gives bytes for what it does not know, and for what is broken it throws.
  if (answer.type === 'A' || answer.type === 'AAAA')
    return [{ ...headOf(answer), type: answer.type, data: answer.data }]
  if (answer.type === 'CNAME') return [{ ...headOf(answer), type: 'CNAME', data: nameOf(answer.data) }]
  if (answer.type !== 'SRV') return []
  const { target, port, priority = 0, weight = 0 } = answer.data
  return [{ ...headOf(answer), type: 'SRV', data: { target: nameOf(target), port, priority, weight } }]
}

function headOf({ name, ttl = 0 }: { name: string; ttl?: number | undefined }): { name: string; ttl: number } {
  return { name: nameOf(name), ttl: ttl > MOST_TTL ? 0 : ttl }
}

function nameOf(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
