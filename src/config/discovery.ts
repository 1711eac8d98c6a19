import { isIP, isIPv4 } from 'node:net'
import { resolve as resolvePath } from 'node:path'
import type { DescribedBackendHealth } from './describe.ts'
import type { DiscoveryIdentity, DnsType } from './discovery-options.ts'
import type { ParsedDiscovery } from './discovery-schema.ts'
import { formatDuration } from './duration.ts'
import { given } from './given.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import type { ResolvedBackend, ResolvedBackendHealth } from './resolved.ts'
import { quote, show } from './text.ts'

export type { DiscoveryIdentity, DnsType }

/** A DNS server. */
export interface DnsServer {
  readonly host: string
  readonly port: number
  readonly family: 4 | 6
}

/** What backends that were found have in common. Times are in milliseconds. */
interface FoundSettings {
  readonly minBackends: number
  readonly startTimeout: number
  /** Undefined: what the source says, otherwise 1. */
  readonly weight: number | undefined
  readonly maxSessions: number
  readonly health: ResolvedBackendHealth | 'pool' | 'off' | undefined
}

export interface ResolvedDnsDiscovery extends FoundSettings {
  readonly kind: 'dns'
  readonly names: readonly string[]
  readonly type: DnsType
  /** Undefined: SRV records say it. */
  readonly port: number | undefined
  readonly identity: DiscoveryIdentity
  readonly refresh: { readonly min: number; readonly max: number }
  /** Per cent. */
  readonly jitter: number
  readonly timeout: number
  /** Empty: those of the system. */
  readonly resolvers: readonly DnsServer[]
}

export interface ResolvedFileDiscovery extends FoundSettings {
  readonly kind: 'file'
  /** Absolute. */
  readonly file: string
}

/** Where the backends of a pool come from. */
export type ResolvedDiscovery = ResolvedDnsDiscovery | ResolvedFileDiscovery

const DNS_PORT = 53
const ACCEPTED_SERVER =
  'the IP address of a DNS server, with or without a port: 10.0.0.53, 10.0.0.53:5353 or "[fd00::53]:53"'
const ACCEPTED_NAME = 'a complete DNS name, like redis.prod.svc.cluster.local'
const LONGEST_NAME = 253
/** Of names that are asked for; services begin with underscores. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

export function readDnsServer(value: unknown): Parsed<DnsServer> {
  if (typeof value !== 'string') return badServer(`expected a DNS server, got ${show(value)}`)
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(value)
  const plain = isIP(value) === 0 ? /^([\d.]+):(\d{1,5})$/.exec(value) : [value, value]
  const [, host = '', portText = String(DNS_PORT)] = bracketed ?? plain ?? []
  const port = Number(portText)
  const family = isIPv4(host) ? 4 : 6
  // One with a zone is an address to isIP, and nowhere else.
  if (isIP(host) === 0 || host.includes('%') || (bracketed !== null && family === 4))
    return badServer(`${quote(value)} is not an IP address`)
  if (port < 1 || port > 65_535) return badServer(`${quote(value)} has no port from 1 to 65535`)
  return accept({ host, port, family })
}

function badServer(message: string): Parsed<DnsServer> {
  return refuse(message, ACCEPTED_SERVER, 'LIMPET_ERR_BAD_ADDRESS')
}

/** In small letters, without the last dot. */
export function readDnsName(value: unknown): Parsed<string> {
  if (typeof value !== 'string') return refuse(`expected a DNS name, got ${show(value)}`, ACCEPTED_NAME)
  if (isIP(value) !== 0) return refuse(`${quote(value)} is an address and needs no DNS`, 'a list of backends')
  const name = value.toLowerCase().replace(/\.$/, '')
  return name.length <= LONGEST_NAME && name.split('.').every(label => LABEL.test(label))
    ? accept(name)
    : refuse(`${quote(value)} is not a DNS name`, ACCEPTED_NAME)
}

/** What is written under `backends`: a list, or where they are found. */
export function membersOf(
  written: readonly ResolvedBackend[] | ParsedDiscovery | { command: never },
  directory: string,
): { backends: readonly ResolvedBackend[]; discovery: ResolvedDiscovery | undefined } {
  if (isList(written)) return { backends: written, discovery: undefined }
  // Nothing comes out of a schema that refuses all.
  if ('command' in written) return written.command
  return { backends: [], discovery: discoveryOf(written, directory) }
}

function isList(value: object): value is readonly ResolvedBackend[] {
  return Array.isArray(value)
}

/** What is written, with its defaults; paths are relative to the configuration file. */
function discoveryOf(parsed: ParsedDiscovery, directory: string): ResolvedDiscovery {
  const { minBackends, startTimeout, weight, maxSessions, health } = parsed
  const found = { minBackends, startTimeout, weight, maxSessions, health }
  if ('file' in parsed) return { kind: 'file', file: resolvePath(directory, parsed.file), ...found }
  const { dns: names, type, port, refresh, jitter, timeout, resolvers } = parsed
  const identity = parsed.identity ?? (type === 'SRV' ? 'name' : 'address')
  return { kind: 'dns', names, type, port, identity, refresh, jitter, timeout, resolvers, ...found }
}

/** Where backends come from, in the words of the configuration. */
export type DescribedDiscovery = DescribedFound &
  (
    | { file: string }
    | {
        dns: string | string[]
        type: DnsType
        port?: number
        identity: DiscoveryIdentity
        refresh: { min: string; max: string }
        jitter: number
        timeout: string
        resolvers?: string[]
      }
  )

interface DescribedFound {
  minBackends: number
  startTimeout: string
  weight?: number
  maxSessions: number
  health?: DescribedBackendHealth | 'off'
}

/** `health`: of the same, described. */
export function describeDiscovery(
  discovery: ResolvedDiscovery,
  health: DescribedBackendHealth | 'off' | undefined,
): DescribedDiscovery {
  const { minBackends, startTimeout, weight, maxSessions } = discovery
  const found = { minBackends, startTimeout: formatDuration(startTimeout), ...given({ weight }), maxSessions }
  const rest = { ...found, ...given({ health }) }
  if (discovery.kind === 'file') return { file: discovery.file, ...rest }
  const { names, type, port, identity, refresh, jitter, timeout, resolvers } = discovery
  return {
    dns: names.length === 1 && names[0] !== undefined ? names[0] : [...names],
    type,
    ...given({ port }),
    identity,
    refresh: { min: formatDuration(refresh.min), max: formatDuration(refresh.max) },
    jitter,
    timeout: formatDuration(timeout),
    ...(resolvers.length === 0 ? {} : { resolvers: resolvers.map(serverText) }),
    ...rest,
  }
}

/** A server as it is told. */
export function serverText({ host, port, family }: DnsServer): string {
  return family === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** Where backends come from, in a few words. */
export function discoveryText(discovery: ResolvedDiscovery): string {
  if (discovery.kind === 'file') return `file ${discovery.file}`
  const [first = '', ...others] = discovery.names
  return `dns ${discovery.type} ${first}${others.length === 0 ? '' : `, and ${others.length} more`}`
}
