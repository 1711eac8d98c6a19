import { isIPv4, isIPv6 } from 'node:net'
import { accept, type Parsed, refuse } from './parsed.ts'
import { quote, show } from './text.ts'

const ACCEPTED = 'an address or a network, like 192.0.2.7, 10.0.0.0/8 or "2001:db8::/32" (quoted in YAML)'
export const NETWORK_PATTERN = '^([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(/[0-9]{1,3})?$'
const IPV4_BITS = 32
const IPV6_BITS = 128
/** Bits before the IPv4 address in an IPv4-mapped IPv6 one. */
const MAPPED_BITS = IPV6_BITS - IPV4_BITS

interface Network {
  readonly value: bigint
  /** Of its family: 32 or 128. */
  readonly width: number
  /** Those that count. */
  readonly bits: number
}

/** Reads a network, or an address alone, and gives its canonical text; an IPv4-mapped one has become IPv4. */
export function readNetwork(value: unknown): Parsed<string> {
  if (typeof value !== 'string') return bad(`expected a network, got ${show(value)}`)
  const slash = value.indexOf('/')
  const host = slash < 0 ? value : value.slice(0, slash)
  if (host.includes('%')) return bad(`${quote(value)} has a zone id: addresses with a zone are not accepted`)
  if (!isIPv4(host) && !isIPv6(host)) return bad(`${quote(host)} is not an IP address`)
  const width = isIPv4(host) ? IPV4_BITS : IPV6_BITS
  const prefix = slash < 0 ? String(width) : value.slice(slash + 1)
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > width)
    return bad(`${quote(prefix)} is not a number of bits from 0 to ${width}`)
  const given = { value: isIPv4(host) ? ipv4Value(host) : ipv6Value(host), width, bits: Number(prefix) }
  const network = masked(given)
  if (network.value === given.value) return accept(formatNetwork(network))
  // Whoever wrote 10.1.2.3/8 meant either that address or that network.
  return refuse(
    `${quote(value)} has bits behind the first ${prefix}`,
    `${formatNetwork(network)}, or the address alone`,
    'LIMPET_ERR_BAD_ADDRESS',
  )
}

function masked({ value, width, bits }: Network): Network {
  const rest = BigInt(width - bits)
  return { value: (value >> rest) << rest, width, bits }
}

function formatNetwork({ value, width, bits }: Network): string {
  if (width === IPV4_BITS) return `${ipv4Text(value)}/${bits}`
  const isMapped = bits >= MAPPED_BITS && value >> BigInt(IPV4_BITS) === 0xffffn
  return isMapped ? `${ipv4Text(value & 0xffff_ffffn)}/${bits - MAPPED_BITS}` : `${ipv6Text(value)}/${bits}`
}

function ipv4Value(host: string): bigint {
  return host.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map(shift => (value >> shift) & 0xffn).join('.')
}

function ipv6Value(host: string): bigint {
  const [before = '', after] = groupsOf(host).split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = new Array<string>(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

function ipv6Text(value: bigint): string {
  const shifts = [7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n]
  return groupsOf(shifts.map(place => ((value >> (place * 16n)) & 0xffffn).toString(16)).join(':'))
}

/** The canonical text of an IPv6 address, in groups only: 192.0.2.7 at its end has become c000:207. */
function groupsOf(host: string): string {
  return new URL(`http://[${host}]`).hostname.slice(1, -1)
}

function bad(message: string): ReturnType<typeof refuse> {
  return refuse(message, ACCEPTED, 'LIMPET_ERR_BAD_ADDRESS')
}
