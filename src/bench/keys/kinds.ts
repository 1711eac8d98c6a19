import type { AffinityOptions } from '../../config/options.ts'
import {
  clientHello,
  connectPacket,
  httpRequest,
  proxyHeader,
  rdpRequest,
  redisAuth,
  sipRegister,
  socksConnect,
  startupPacket,
} from './heads.ts'

/** A kind of key, and the first bytes of a client that has one. */
export interface KeyKind {
  /** As tables name it. */
  id: string
  key: NonNullable<AffinityOptions['key']>
  head: Buffer
  /** The head is a PROXY header, which no backend gets. */
  isProxyHeader?: boolean
}

/** Stands for the number of the client: `kMark` of bench/load/head.h. */
const CLIENT = '########'

const kind = (key: string, head: Buffer): KeyKind => ({ id: key, key, head })

const hello = clientHello({ serverName: `${CLIENT}.a.example`, protocols: ['h2', 'http/1.1'] })
const alpn = clientHello({ serverName: 'a.example', protocols: [CLIENT] })

/**
 * Of each protocol one, and every way of finding. `source` is what all others are compared with; it is there twice, as the
 * bytes of a head have to be carried, too.
 */
export const KEY_KINDS: readonly KeyKind[] = [
  kind('source', Buffer.alloc(0)),
  { id: 'source+head', key: 'source', head: hello },
  kind('tls.sni', hello),
  kind('tls.alpn', alpn),
  kind('tls.ja4', hello),
  kind('rdp.cookie', rdpRequest(`Cookie: mstshash=${CLIENT}`)),
  kind('mqtt.clientId', connectPacket(CLIENT)),
  kind('postgres.user', startupPacket({ user: CLIENT, database: 'shop' })),
  kind('redis.auth', redisAuth(CLIENT)),
  kind('ssh.version', Buffer.from(`SSH-2.0-client_${CLIENT}\r\n`)),
  kind('sip.callId', sipRegister(`${CLIENT}@b.example`)),
  kind('socks.user', socksConnect(CLIENT)),
  kind('http.cookie:session', httpRequest({ cookie: CLIENT })),
  kind('http.header:x-user', httpRequest({ user: CLIENT })),
  kind('http.path', httpRequest({ path: `/${CLIENT}` })),
  { id: 'bytes', key: { bytes: { offset: 4, length: 8 } }, head: Buffer.from(`join${CLIENT}`) },
  {
    id: 'lengthPrefixed',
    key: { lengthPrefixed: { offset: 0, size: 1 } },
    head: Buffer.from(`${String.fromCharCode(CLIENT.length)}${CLIENT}`),
  },
  { id: 'proxy.source', key: { proxy: 'source' }, head: proxyHeader(CLIENT), isProxyHeader: true },
  {
    id: 'proxy.authority',
    key: { proxy: 'authority' },
    head: proxyHeader('12345678', `${CLIENT}.a.example`),
    isProxyHeader: true,
  },
]
