import { isIP, type Socket } from 'node:net'
import type { ResolvedSendProxy } from '../config/resolved.ts'
import { type NativeHeadKeys, native } from '../native.ts'
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
  /** What the client asked for in TLS that ends here; undefined: nothing, or it ends elsewhere. */
  readonly sni?: string | undefined
  /** What its own proxy said of it; undefined: it has none. */
  readonly proxied?: Pick<ProxiedClient, 'header'> | undefined
  /** What the client has said by now, looked at where it is needed; undefined: nothing, or nobody knows. */
  readonly seen?: Buffer | undefined
}

/**
 * Tells a backend who the client is: the first bytes that it gets, before any TLS. They are not the client's, and are counted
 * nowhere. Undefined: it is not to be told.
 */
export function introduction(session: Introduced, client: Socket): Buffer | undefined {
  const { sendProxy } = session.target
  return sendProxy && proxyHeader(sendProxy, session, client)
}

/**
 * As native/relay/worker_proxy_out.cc, but for unix sockets: Node does not know what the client's is called, so their names are
 * left out.
 */
function proxyHeader(
  { version, tlvs }: ResolvedSendProxy,
  session: Introduced,
  { localAddress, localPort }: Socket,
): Buffer {
  const { clientAddress, clientPort, proxied } = session
  return encodeProxy({
    version,
    ...endsOf(
      unixEnd(proxied?.header.source) ?? end(clientAddress, clientPort),
      destinationOf(proxied?.header) ?? end(localAddress, localPort),
    ),
    tlvs: version === 1 ? [] : tlvs.flatMap(name => tlvOf(name, session)).sort((a, b) => a.type - b.type),
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

/** A client that came to its proxy by a unix socket has no address. */
function unixEnd(source: ProxyEndpoint | undefined): ProxyEndpoint | undefined {
  return source !== undefined && 'path' in source ? source : undefined
}

function destinationOf(header: ProxyHeader | undefined): ProxyEndpoint | undefined {
  return header?.source === undefined ? undefined : header.destination
}

function tlvOf(name: ResolvedSendProxy['tlvs'][number], session: Introduced): ProxyTlv[] {
  if (name === 'uniqueId') return [{ type: PROXY_TLV.uniqueId, value: Buffer.from(session.id) }]
  const serverName = name === 'authority' ? nameOf(session) : undefined
  return serverName === undefined ? [] : [{ type: PROXY_TLV.authority, value: serverName }]
}

/** The server's name that the client wants: of its TLS, as far as that has come by now; or what its proxy says. */
function nameOf(session: Introduced): Uint8Array | undefined {
  const { target, proxied, sni } = session
  if (sni !== undefined) return Buffer.from(sni)
  const { seen } = session
  const found = seen === undefined ? undefined : sniKeys().find(seen, true, target.pool.native)
  if (found instanceof Uint8Array) return found
  const told = proxied?.header.tlvs.find(({ type }) => type === PROXY_TLV.authority)?.value
  return told?.length === 0 ? undefined : told
}

let keys: NativeHeadKeys | undefined

function sniKeys(): NativeHeadKeys {
  keys ??= new (native().HeadKeys)(['tls.sni'])
  return keys
}
