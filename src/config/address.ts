import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { accept, type Parsed, refuse } from './parsed.ts'
import { quote, show } from './text.ts'

/** Where the admin API listens if nothing else is said. */
export const DEFAULT_ADMIN_LISTEN = 'unix:/run/limpet/admin.sock'

/** A host given as an IP address, in canonical text; an IPv4-mapped IPv6 address has become IPv4. */
export interface IpAddress {
  readonly kind: 'ip'
  readonly host: string
  readonly port: number
  readonly family: 4 | 6
  readonly needsLookup: false
}

/** A host given by name: look it up before use. */
export interface NamedAddress {
  readonly kind: 'name'
  readonly host: string
  readonly port: number
  readonly needsLookup: true
}

/** A unix socket. */
export interface UnixAddress {
  readonly kind: 'unix'
  readonly path: string
}

/** Where a backend is reached. */
export type BackendAddress = IpAddress | NamedAddress | UnixAddress

/** Where a listener listens. */
export type BindAddress =
  | IpAddress
  | NamedAddress
  | UnixAddress
  /** Every address of the host: dual stack where the host has IPv6, otherwise 0.0.0.0. */
  | { readonly kind: 'any'; readonly port: number }
  /** An open listen socket, by its file descriptor. */
  | { readonly kind: 'fd'; readonly fd: number }

/** Where the admin API listens: as a listener, but never a descriptor. */
export type ListenAddress = Exclude<BindAddress, { kind: 'fd' }>

/** `sun_path` of Linux holds 108 bytes with the final NUL (unix(7)). */
const LONGEST_UNIX_PATH = 107
const MOST_FD = 2 ** 31 - 1

export const ACCEPTED_BACKEND = 'host:port, "[v6]:port" (quoted in YAML) or unix:/path'
const ACCEPTED_BIND = 'host:port, "[v6]:port" (quoted in YAML), :port or unix:/path'
const ACCEPTED_BIND_OPTION = `${ACCEPTED_BIND}, or { fd: number }`

/** Reads the address of a backend. */
export function readBackendAddress(value: unknown): Parsed<BackendAddress> {
  const read = readText(value, ACCEPTED_BACKEND)
  if ('refusal' in read || read.value.kind === 'unix') return read
  const address = read.value
  if (address.port === 0) return bad(`a backend cannot have port 0`, 'a port from 1 to 65535')
  if (address.host === '') return bad(`${quote(String(value))} has no host`, ACCEPTED_BACKEND)
  if (address.host === '0.0.0.0' || address.host === '::') {
    return bad(
      `${address.host} means every address and cannot be connected to`,
      'the address of the backend, like 127.0.0.1:6379',
    )
  }
  return accept(address)
}

/** Reads the address of a listener; `{ fd }` only from a program, where descriptors can be known. */
export function readBindAddress(value: unknown, fdAllowed: boolean): Parsed<BindAddress> {
  const accepted = fdAllowed ? ACCEPTED_BIND_OPTION : ACCEPTED_BIND
  if (fdAllowed && typeof value === 'object' && value !== null && 'fd' in value) return readFd(value, accepted)
  const read = readText(value, accepted)
  if ('refusal' in read || read.value.kind !== 'name' || read.value.host !== '') return read
  return accept({ kind: 'any', port: read.value.port })
}

/** Reads where the admin API listens. */
export function readListenAddress(value: unknown): Parsed<ListenAddress> {
  // Without `fd` nothing but these comes out.
  return readBindAddress(value, false) as Parsed<ListenAddress>
}

function readFd(value: object & { fd: unknown }, accepted: string): Parsed<BindAddress> {
  const others = Object.keys(value).filter(key => key !== 'fd')
  if (others.length > 0) return bad(`unknown key ${quote(String(others[0]))} beside fd`, accepted)
  const { fd } = value
  if (typeof fd !== 'number' || !Number.isInteger(fd) || fd < 0 || fd > MOST_FD) {
    return bad(`${show(fd)} is not a file descriptor`, '{ fd: number }, the number of an open listen socket')
  }
  return accept({ kind: 'fd', fd })
}

/** The forms that both kinds share; the host of a {@link NamedAddress} is empty for `:port`. */
function readText(value: unknown, accepted: string): Parsed<BackendAddress> {
  if (typeof value === 'number')
    return bad(`${value} is a number, not an address: write ":${value}" for a port`, accepted)
  if (Array.isArray(value))
    return bad('expected an address, got a list: an IPv6 address in [ ] must be quoted in YAML', accepted)
  if (typeof value !== 'string') return bad(`expected an address, got ${show(value)}`, accepted)
  if (value.startsWith('unix:')) return readUnix(value.slice('unix:'.length))
  if (value.startsWith('/'))
    return bad(`${quote(value)} looks like a unix socket: write ${quote(`unix:${value}`)}`, accepted)
  if (value.startsWith('[')) return readBracketed(value, accepted)
  if (isIPv6(withoutZone(value))) return bad(`${quote(value)} is an IPv6 address without [ ] and a port`, accepted)
  const colon = value.lastIndexOf(':')
  if (colon < 0) return bad(`${quote(value)} has no port`, accepted)
  const host = value.slice(0, colon)
  const port = readPort(value.slice(colon + 1), accepted)
  if ('refusal' in port) return port
  if (host === '*') return bad(`${quote(value)}: write ":${port.value}" for every address`, accepted)
  return readHost(host, port.value, accepted)
}

function readUnix(path: string): Parsed<UnixAddress> {
  const accepted = `unix: and an absolute path of at most ${LONGEST_UNIX_PATH} bytes`
  if (!path.startsWith('/')) return bad(`the path of a unix socket must be absolute, got ${quote(path)}`, accepted)
  if (path.includes('\0')) return bad('the path of a unix socket cannot hold a NUL', accepted)
  const bytes = Buffer.byteLength(path)
  if (bytes > LONGEST_UNIX_PATH) return bad(`the path of the unix socket has ${bytes} bytes`, accepted)
  return accept({ kind: 'unix', path })
}

function readBracketed(value: string, accepted: string): Parsed<BackendAddress> {
  const close = value.indexOf(']')
  const inside = value.slice(1, close)
  if (close < 0) return bad(`${quote(value)} has no closing ]`, accepted)
  if (inside.includes('%') && isIPv6(withoutZone(inside))) {
    return bad(`${quote(value)} has a zone id: addresses with a zone are not accepted`, accepted)
  }
  if (!isIPv6(inside)) return bad(`${quote(inside)} is not an IPv6 address`, accepted)
  if (value[close + 1] !== ':') return bad(`${quote(value)} has no port`, accepted)
  const port = readPort(value.slice(close + 2), accepted)
  if ('refusal' in port) return port
  return accept(ipAddress(inside, port.value))
}

function readHost(host: string, port: number, accepted: string): Parsed<BackendAddress> {
  if (host === '') return accept({ kind: 'name', host, port, needsLookup: true })
  if (isIPv4(host)) return accept(ipAddress(host, port))
  if (host.includes('%')) return bad(`${quote(host)} has a zone id: addresses with a zone are not accepted`, accepted)
  if (/^[0-9a-f.]*:[0-9a-f:.]*$/i.test(host))
    return bad(`${quote(host)}: an IPv6 address is written in [ ] before its port`, accepted)
  const labels = host.replace(/\.$/, '').split('.')
  // A last label of digits is an IPv4 address in the eyes of resolvers (inet_aton takes 127.1 and octal numbers).
  if (/^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '')) return bad(`${quote(host)} is not an IPv4 address`, accepted)
  if (host.length > 253 || !labels.every(label => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))) {
    return bad(`${quote(host)} is not an IP address or a host name`, accepted)
  }
  return accept({ kind: 'name', host: host.toLowerCase(), port, needsLookup: true })
}

function readPort(text: string, accepted: string): Parsed<number> {
  if (text === '') return bad('the port is missing after the colon', accepted)
  if (!/^(0|[1-9]\d{0,5})$/.test(text) || Number(text) > 65_535)
    return bad(`${quote(text)} is not a port from 0 to 65535`, accepted)
  return accept(Number(text))
}

function ipAddress(host: string, port: number): IpAddress {
  if (isIPv4(host)) return { kind: 'ip', host, port, family: 4, needsLookup: false }
  const canonical = new SocketAddress({ address: host, family: 'ipv6' }).address
  const mapped = canonical.startsWith('::ffff:') ? canonical.slice('::ffff:'.length) : ''
  if (isIPv4(mapped)) return { kind: 'ip', host: mapped, port, family: 4, needsLookup: false }
  return { kind: 'ip', host: canonical, port, family: 6, needsLookup: false }
}

function withoutZone(text: string): string {
  return text.split('%', 1)[0] ?? ''
}

function bad(message: string, accepted: string): ReturnType<typeof refuse> {
  return refuse(message, accepted, 'LIMPET_ERR_BAD_ADDRESS')
}

/** The canonical text of an address, which reads back to the same address (but for `fd`). */
export function formatAddress(address: BackendAddress | BindAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  if (address.kind === 'fd') return `fd:${address.fd}`
  if (address.kind === 'any') return `:${address.port}`
  return address.kind === 'ip' && address.family === 6
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`
}
