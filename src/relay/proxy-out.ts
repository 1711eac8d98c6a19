import { isIP, type Socket } from 'node:net'
import type { ResolvedSendProxy } from '../config/resolved.ts'
import { type NativeHeadKeys, type NativePool, native } from '../native.ts'
import { encodeProxy, PROXY_TLV, type ProxyEndpoint, type ProxyHeader, type ProxyTlv } from '../protocol/proxy.ts'
import type { ProxiedClient } from './proxied-client.ts'
import type { Target } from './target.ts'

/** A session of the stream relay, as backends are told of it. */
export interface Introduced {
  readonly id: string
  /** Undefined: the client has none (unix socket). */
  readonly clientAddress: string | undefined
  readonly clientPort: number | undefined
  readonly target: Pick<Target, 'pool' | 'sendProxy'>
  /** What its own proxy said of it; undefined: it has none. */
  readonly proxied?: Pick<ProxiedClient, 'header'> | undefined
}

/**
 * Tells a backend who the client is, if it is to be told: the first bytes that it gets. They are not the client's, and are counted
 * nowhere. `head`: what was read of the client before there was a backend.
 */
export function introduce(backend: Socket, session: Introduced, client: Socket, head: Buffer | undefined): void {
  const { sendProxy } = session.target
  if (sendProxy !== undefined) backend.write(proxyHeader(sendProxy, session, client, head))
}

/**
 * As native/relay/worker_proxy_out.cc, but for unix sockets: Node does not know what the client's is called, so their names are
 * left out.
 */
function proxyHeader(
  { version, tlvs }: ResolvedSendProxy,
  { id, clientAddress, clientPort, target, proxied }: Introduced,
  { localAddress, localPort }: Socket,
  head: Buffer | undefined,
): Buffer {
  return encodeProxy({
    version,
    ...endsOf(end(clientAddress, clientPort), destinationOf(proxied?.header) ?? end(localAddress, localPort)),
    tlvs:
      version === 1
        ? []
        : tlvs
            .flatMap(name => tlvOf(name, id, nameOf(head, proxied, target.pool.native)))
            .sort((a, b) => a.type - b.type),
    checksum: tlvs.includes('crc32c'),
  })
}

/** The header of a check, which is nobody's connection but Limpet's own, as HAProxy sends it. */
export function checkHeader({ version, tlvs }: ResolvedSendProxy): Buffer {
  return encodeProxy({ version, command: 'local', checksum: tlvs.includes('crc32c') })
}

const UNNAMED: ProxyEndpoint = { path: Buffer.alloc(0) }

function endsOf(source: ProxyEndpoint | undefined, destination: ProxyEndpoint | undefined) {
  return source === undefined && destination === undefined
    ? { source: UNNAMED, destination: UNNAMED }
    : { source, destination }
}

function end(address: string | undefined, port: number | undefined): ProxyEndpoint | undefined {
  return address === undefined || port === undefined || isIP(address) === 0 ? undefined : { address, port }
}

function destinationOf(header: ProxyHeader | undefined): ProxyEndpoint | undefined {
  return header?.source === undefined ? undefined : header.destination
}

function tlvOf(
  name: ResolvedSendProxy['tlvs'][number],
  sessionId: string,
  serverName: Uint8Array | undefined,
): ProxyTlv[] {
  if (name === 'uniqueId') return [{ type: PROXY_TLV.uniqueId, value: Buffer.from(sessionId) }]
  return name === 'authority' && serverName !== undefined ? [{ type: PROXY_TLV.authority, value: serverName }] : []
}

/** The server's name that the client wants: of its TLS, as far as that has come by now; or what its proxy says. */
function nameOf(head: Buffer | undefined, proxied: Introduced['proxied'], pool: NativePool): Uint8Array | undefined {
  const found = head === undefined ? undefined : sniKeys().find(head, true, pool)
  if (found instanceof Uint8Array) return found
  return proxied?.header.tlvs?.find(({ type }) => type === PROXY_TLV.authority)?.value
}

let keys: NativeHeadKeys | undefined

function sniKeys(): NativeHeadKeys {
  keys ??= new (native().HeadKeys)(['tls.sni'])
  return keys
}
