import { isIP } from 'node:net'
import { integer } from '../core/arguments.ts'
import { argumentRangeError } from '../errors.ts'
import { type NativeProxyHeader, native } from '../native.ts'

/** Why bytes are no PROXY protocol header; a fault's place is its number in `native/protocol/proxy_protocol.h`, less one. */
export const PROXY_FAULTS = [
  'noHeader',
  'lineLength',
  'lineEnd',
  'protocol',
  'address',
  'port',
  'version',
  'command',
  'family',
  'headerLength',
  'addressLength',
  'tlvLength',
  'checksum',
  'uniqueId',
] as const
export type ProxyFault = (typeof PROXY_FAULTS)[number]

/** Types of TLVs that have a meaning of their own; a TLV can have any number from 0 to 255. */
export const PROXY_TLV = {
  alpn: 0x01,
  authority: 0x02,
  checksum: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  networkNamespace: 0x30,
  aws: 0xea,
} as const

/** One end of the proxied connection: an IP address and a port, or the path of a unix socket (a NUL first: an abstract one). */
export type ProxyEndpoint = { address: string; port: number } | { path: Buffer }

/** A type-length-value vector of a header. */
export interface ProxyTlv {
  /** 0 to 255, see {@link PROXY_TLV}. */
  type: number
  value: Uint8Array
}

/** What a PROXY protocol header says. */
export interface ProxyHeader {
  version: 1 | 2
  /** `local`: the proxy speaks for itself, as in a health check; the connection's own addresses hold. */
  command: 'local' | 'proxy'
  transport: ProxyTransport
  /** Who the client is; absent, as is `destination`, where the connection's own addresses hold. Never an IPv4-mapped address. */
  source?: ProxyEndpoint
  /** Where the client connected to. */
  destination?: ProxyEndpoint
  /** Only in version 2; in the order of the header. */
  tlvs: readonly ProxyTlv[]
}

const TRANSPORTS = ['unspecified', 'stream', 'datagram'] as const
export type ProxyTransport = (typeof TRANSPORTS)[number]
const COMMANDS = ['local', 'proxy'] as const

/** What the first bytes of a connection are. */
export type ProxyVerdict =
  | { status: 'more' }
  | { status: 'complete'; length: number; header: ProxyHeader }
  | { status: 'refused'; fault: ProxyFault; reason: string }

const HEAD_BYTES = 16
const MOST_BYTES = HEAD_BYTES + 0xffff
const MOST_LINE_BYTES = 107
const PATH_BYTES = 108
const NO_BYTES = new Uint8Array(0)

/**
 * Looks for a PROXY protocol header in the first bytes of a connection. `more`: call again with more of them, all from the
 * first one on. Any other verdict stays the same whatever follows. TLVs are views of `head`.
 *
 * @param mostBytes - longest header of version 2, 16 to 65,551
 */
export function decodeProxy(head: Uint8Array, mostBytes: number = MOST_BYTES): ProxyVerdict {
  integer('mostBytes', mostBytes, HEAD_BYTES, MOST_BYTES)
  const { proxy } = native()
  const result = proxy.decode(head, mostBytes)
  if (typeof result === 'object') return { status: 'complete', length: result.length, header: toHeader(result, head) }
  const fault = PROXY_FAULTS[-result - 1]
  return fault === undefined ? { status: 'more' } : { status: 'refused', fault, reason: proxy.faultText(-result) }
}

/** What {@link encodeProxy} makes a header of. */
export interface ProxySettings {
  version: 1 | 2
  /** @defaultValue `'proxy'` */
  command?: 'local' | 'proxy' | undefined
  /** @defaultValue `'stream'` */
  transport?: ProxyTransport | undefined
  /** A header without both ends names nobody (UNKNOWN, UNSPEC). */
  source?: ProxyEndpoint | undefined
  destination?: ProxyEndpoint | undefined
  /** Version 2 only, which version 1 leaves out. */
  tlvs?: readonly ProxyTlv[] | undefined
  /**
   * Adds a CRC-32C of the header; version 2 only.
   * @defaultValue `false`
   */
  checksum?: boolean | undefined
}

/**
 * Makes a PROXY protocol header. Version 1 knows neither LOCAL nor unix sockets nor datagrams: they become UNKNOWN.
 *
 * @throws a `RangeError` for what fits into no header
 */
export function encodeProxy(settings: ProxySettings): Buffer {
  const {
    version,
    command = 'proxy',
    transport = 'stream',
    source,
    destination,
    tlvs = [],
    checksum = false,
  } = settings
  const values = checkedTlvs(tlvs)
  const room = Math.min(MOST_LINE_BYTES + HEAD_BYTES + 2 * PATH_BYTES + values.length + 3 * tlvs.length + 7, MOST_BYTES)
  const into = Buffer.alloc(room)
  const size = native().proxy.encode(
    into,
    version,
    COMMANDS.indexOf(command),
    TRANSPORTS.indexOf(transport),
    ...addressAndPort('source', source),
    ...addressAndPort('destination', destination),
    pathsOf(source, destination),
    Uint32Array.from(tlvs.flatMap(({ type, value }) => [type, value.length])),
    values,
    checksum,
  )
  if (size === 0) throw argumentRangeError('settings.tlvs', 'at most 65,535 bytes with the addresses', values.length)
  return into.subarray(0, size)
}

function checkedTlvs(tlvs: readonly ProxyTlv[]): Buffer {
  for (const { type } of tlvs) {
    integer('settings.tlvs[].type', type, 0, 255)
    // What it would be is not known before the header is whole.
    if (type === PROXY_TLV.checksum) throw argumentRangeError('settings.tlvs[].type', 'settings.checksum instead', type)
  }
  return Buffer.concat(tlvs.map(({ value }) => value))
}

function addressAndPort(name: string, endpoint: ProxyEndpoint | undefined): [string | undefined, number] {
  if (endpoint === undefined || 'path' in endpoint) return [undefined, 0]
  const { port } = endpoint
  // A zone, as of a socket's own address, means nothing to anybody else.
  const [address = ''] = endpoint.address.split('%', 1)
  if (isIP(address) === 0) throw argumentRangeError(`settings.${name}.address`, 'an IP address', endpoint.address)
  return [address, integer(`settings.${name}.port`, port, 0, 0xffff)]
}

function pathsOf(source: ProxyEndpoint | undefined, destination: ProxyEndpoint | undefined): Uint8Array {
  if (source === undefined || destination === undefined || !('path' in source && 'path' in destination)) return NO_BYTES
  const paths = Buffer.alloc(2 * PATH_BYTES)
  for (const [index, { path }] of [source, destination].entries()) {
    integer('path.length', path.length, 0, PATH_BYTES)
    path.copy(paths, index * PATH_BYTES)
  }
  return paths
}

function toHeader(found: NativeProxyHeader, head: Uint8Array): ProxyHeader {
  const source = toEndpoint(found.source, found.sourcePort)
  const destination = toEndpoint(found.destination, found.destinationPort)
  return {
    version: found.version === 1 ? 1 : 2,
    command: found.command === 0 ? 'local' : 'proxy',
    transport: TRANSPORTS[found.transport] ?? 'unspecified',
    ...(source && { source }),
    ...(destination && { destination }),
    tlvs: toTlvs(found.tlvs, head),
  }
}

function toEndpoint(address: string | Buffer | undefined, port = 0): ProxyEndpoint | undefined {
  if (address === undefined || typeof address === 'string') return address === undefined ? undefined : { address, port }
  // The name of an abstract socket begins with a NUL.
  const end = address.indexOf(0, 1)
  const path = end < 0 ? address : address.subarray(0, end)
  return { path: path.length === 1 && path[0] === 0 ? path.subarray(0, 0) : path }
}

function toTlvs(places: Float64Array, head: Uint8Array): ProxyTlv[] {
  const tlvs: ProxyTlv[] = []
  for (let at = 0; at < places.length; at += 3) {
    const [type = 0, start = 0, length = 0] = places.subarray(at, at + 3)
    tlvs.push({ type, value: head.subarray(start, start + length) })
  }
  return tlvs
}
