import { isIP, type Socket } from 'node:net'
import type { ResolvedSendProxy } from '../config/resolved.ts'
import { type NativeHeadKeys, native } from '../native.ts'
import { encodeProxy, PROXY_TLV, type ProxyEndpoint, type ProxyTlv } from '../protocol/proxy.ts'

/** Who the client of a session of the stream relay is. */
export interface ProxiedClient {
  socket: Socket
  /** Undefined: it has none (unix socket). */
  address: string | undefined
  port: number | undefined
  sessionId: string
  /** What was read of it before there was a backend. */
  head: Buffer | undefined
}

/**
 * What a backend is told of a client, before the client's first byte. As native/relay/worker_proxy_out.cc, but for unix sockets:
 * Node does not know what the client's is called, so their names are left out.
 *
 * What a header says that the client's own proxy sent belongs here: its destination in place of the socket's, and its vectors
 * behind those below.
 */
export function proxyHeader({ version, tlvs }: ResolvedSendProxy, client: ProxiedClient): Buffer {
  const { localAddress, localPort } = client.socket
  return encodeProxy({
    version,
    ...endsOf(end(client.address, client.port), end(localAddress, localPort)),
    tlvs: version === 1 ? [] : tlvs.flatMap(name => tlvOf(name, client)).sort((a, b) => a.type - b.type),
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

function tlvOf(name: ResolvedSendProxy['tlvs'][number], { sessionId, head }: ProxiedClient): ProxyTlv[] {
  if (name === 'uniqueId') return [{ type: PROXY_TLV.uniqueId, value: Buffer.from(sessionId) }]
  const serverName = name === 'authority' && head !== undefined ? sniKeys().find(head, true) : undefined
  return serverName instanceof Buffer ? [{ type: PROXY_TLV.authority, value: serverName }] : []
}

let keys: NativeHeadKeys | undefined

function sniKeys(): NativeHeadKeys {
  keys ??= new (native().HeadKeys)(['tls.sni'])
  return keys
}
