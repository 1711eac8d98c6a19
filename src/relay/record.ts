import { SocketAddress } from 'node:net'
import { REASONS, RECORD_BYTES, type Reason, SESSION_COUNTERS, type SessionCounter } from '../native.ts'

/** What a record tells; the numbers are those of `native/relay/record.h`. */
const KINDS = new Map([
  [1, 'open'],
  [2, 'close'],
  [3, 'refused'],
  [4, 'connecting'],
] as const)
const NO_BACKEND = 65_535
const FAMILY = { unix: 1, ipv4: 4, ipv6: 6 } as const

/** One session record of the native relay, decoded; numbers are still those of the relay. */
export interface SessionRecord {
  /** `connecting`: of a survey only, as may be `open`. */
  kind: 'open' | 'close' | 'refused' | 'connecting'
  reason: Reason | undefined
  /** The counter in which the session ended; undefined while it lives. */
  cause: SessionCounter | undefined
  /** Undefined: a client without an address (unix socket). */
  clientAddress: string | undefined
  clientPort: number
  /** Undefined: no backend was found. */
  backendIndex: number | undefined
  /** Which owner of that index. */
  backendGeneration: number
  listenerId: number
  poolId: number
  sessionId: bigint
  bytesToBackend: number
  bytesToClient: number
  connectMicros: number
  durationMs: number
  /** Monotonic clock of the host, in milliseconds. */
  monotonicMs: number
}

/** Decodes the record at `offset` of `bytes` (little endian, {@link RECORD_BYTES} long). */
export function decodeRecord(bytes: Buffer, offset: number): SessionRecord {
  if (offset < 0 || offset + RECORD_BYTES > bytes.length) throw new RangeError(`no whole record at ${offset}`)
  const kind = KINDS.get(bytes.readUInt8(offset) as 1 | 2 | 3 | 4)
  if (kind === undefined) throw new RangeError(`a record has the unknown kind ${bytes.readUInt8(offset)}`)
  const backendIndex = bytes.readUInt16LE(offset + 6)
  return {
    kind,
    reason: REASONS[bytes.readUInt8(offset + 1)],
    cause: kind === 'open' || kind === 'connecting' ? undefined : SESSION_COUNTERS[bytes.readUInt8(offset + 2)],
    clientAddress: addressText(bytes.readUInt8(offset + 3), bytes.subarray(offset + 16, offset + 32)),
    clientPort: bytes.readUInt16LE(offset + 4),
    backendIndex: backendIndex === NO_BACKEND ? undefined : backendIndex,
    backendGeneration: bytes.readUInt16LE(offset + 60),
    listenerId: bytes.readUInt32LE(offset + 8),
    poolId: bytes.readUInt32LE(offset + 12),
    sessionId: bytes.readBigUInt64LE(offset + 32),
    bytesToBackend: Number(bytes.readBigUInt64LE(offset + 40)),
    bytesToClient: Number(bytes.readBigUInt64LE(offset + 48)),
    connectMicros: bytes.readUInt32LE(offset + 56),
    durationMs: Number(bytes.readBigUInt64LE(offset + 72)),
    monotonicMs: Number(bytes.readBigUInt64LE(offset + 64)),
  }
}

function addressText(family: number, bytes: Buffer): string | undefined {
  if (family === FAMILY.ipv4) return bytes.subarray(0, 4).join('.')
  if (family !== FAMILY.ipv6) return undefined
  const groups = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16))
  return plainAddress(new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address)
}

/** The address of a socket without its zone; an IPv4-mapped IPv6 address as the IPv4 address that it is. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%')
  const plain = zone < 0 ? address : address.slice(0, zone)
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice('::ffff:'.length) : plain
}
