import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connectPacket, rdpRequest } from '../../../src/bench/keys/heads.ts'
import type { ListenerOptions } from '../../../src/index.ts'
import type { HaproxySettings, NginxSettings } from './balancers.ts'
import { byAddress, byHead, byProxyHeader, byRequest, byServerName, type Come, neighbour } from './clients.ts'
import type { Kind } from './servers.ts'

/** A way of stickiness, with the words of those who have it. */
export interface Way {
  /** Of NGINX, HAProxy, AWS, Envoy: as docs/affinity.md has them. */
  theirs: readonly string[]
  /** Limpet's, as YAML: what the pool is told. As docs/affinity.md has it. */
  limpet: string
  servers: Kind
  come: Come
  /** What an HTTP server does before it says its name. */
  answer?: (request: IncomingMessage, response: ServerResponse, name: string) => void
  /** What Limpet's listener is told besides. */
  listener?: Partial<ListenerOptions>
  /** The native relay cannot do it. */
  needsJavaScript?: boolean
  haproxy?: HaproxySettings
  nginx?: NginxSettings
}

const WAIT_FOR_HEAD = 'tcp-request inspect-delay 30s'

export const WAYS: readonly Way[] = [
  {
    theirs: ['HAProxy `stick on src`', 'AWS NLB `source_ip`'],
    limpet: 'affinity: { key: source }',
    servers: 'tcp',
    come: byAddress,
    haproxy: {
      mode: 'tcp',
      backend: '  balance roundrobin\n  stick-table type ip size 10k expire 30m\n  stick on src',
    },
  },
  {
    theirs: [
      'NGINX stream `hash $remote_addr consistent`',
      'HAProxy `balance source` with `hash-type consistent`',
      'Envoy `source_ip` with `ring_hash`',
    ],
    limpet: 'placement: ring, stickTable: off',
    servers: 'tcp',
    come: byAddress,
    haproxy: { mode: 'tcp', backend: '  balance source\n  hash-type consistent' },
    nginx: { module: 'stream', upstream: 'hash $remote_addr consistent;' },
  },
  {
    theirs: ['NGINX http `ip_hash`'],
    limpet: 'affinity: { key: source, ipv4Prefix: 24 }',
    servers: 'http',
    come: byRequest({ from: neighbour }),
    nginx: { module: 'http', upstream: 'ip_hash;' },
  },
  {
    theirs: ['NGINX stream `hash $ssl_preread_server_name`', 'HAProxy `stick on req.ssl_sni`'],
    limpet: 'affinity: { key: tls.sni }',
    servers: 'tls',
    come: byServerName,
    haproxy: {
      mode: 'tcp',
      frontend: `  ${WAIT_FOR_HEAD}\n  tcp-request content accept if { req.ssl_hello_type 1 }`,
      backend: `  balance roundrobin\n  stick-table type string len 80 size 10k expire 30m\n  stick on req.ssl_sni`,
    },
    nginx: { module: 'stream', upstream: 'hash $ssl_preread_server_name consistent;', server: 'ssl_preread on;' },
  },
  {
    theirs: ['HAProxy `stick on req.rdp_cookie(mstshash)`', 'HAProxy `balance rdp-cookie(mstshash)`'],
    limpet: 'affinity: { key: rdp.cookie }',
    servers: 'tcp',
    come: byHead(client => rdpRequest(`Cookie: mstshash=user${client}`)),
    haproxy: {
      mode: 'tcp',
      frontend: `  ${WAIT_FOR_HEAD}\n  tcp-request content accept if RDP_COOKIE`,
      backend:
        '  balance roundrobin\n  stick-table type string len 32 size 10k expire 30m\n  stick on req.rdp_cookie(mstshash)',
    },
  },
  {
    theirs: [
      'HAProxy `stick on req.payload(0,0),mqtt_field_value(connect,client_identifier)`',
      'NGINX Plus `$mqtt_preread_clientid`',
    ],
    limpet: 'affinity: { key: mqtt.clientId }',
    servers: 'tcp',
    come: byHead(client => connectPacket(`meter-${client}`)),
    haproxy: {
      mode: 'tcp',
      frontend: `  ${WAIT_FOR_HEAD}\n  tcp-request content accept if { req.payload(0,0),mqtt_is_valid }`,
      backend:
        '  balance roundrobin\n  stick-table type string len 32 size 10k expire 30m\n  stick on req.payload(0,0),mqtt_field_value(connect,client_identifier)',
    },
  },
  {
    theirs: ['HAProxy `stick on req.payload(4,8)`'],
    limpet: 'affinity: { key: { bytes: { offset: 4, length: 8 } } }',
    servers: 'tcp',
    come: byHead(client => Buffer.from(`join${String(client).padStart(8, '0')}`)),
    haproxy: {
      mode: 'tcp',
      frontend: `  ${WAIT_FOR_HEAD}\n  tcp-request content accept if { req.len ge 12 }`,
      backend: '  balance roundrobin\n  stick-table type binary len 8 size 10k expire 30m\n  stick on req.payload(4,8)',
    },
  },
  {
    theirs: [
      'NGINX http `hash $http_x_user consistent`',
      'HAProxy `balance hdr(x-user)`',
      'Envoy `hash_policy: header`',
    ],
    limpet: 'affinity: { key: "http.header:x-user" }',
    servers: 'http',
    come: byRequest({ lines: client => [`X-User: user-${client}`] }),
    haproxy: { mode: 'http', backend: '  balance hdr(x-user)\n  hash-type consistent' },
    nginx: { module: 'http', upstream: 'hash $http_x_user consistent;' },
  },
  {
    theirs: [
      'NGINX http `hash $cookie_session consistent`',
      'HAProxy `stick on req.cook(session)`',
      'Envoy `hash_policy: cookie`',
    ],
    limpet: 'affinity: { key: "http.cookie:session" }',
    servers: 'http',
    come: byRequest({ lines: client => [`Cookie: theme=dark; session=${client}`] }),
    haproxy: {
      mode: 'http',
      backend:
        '  balance roundrobin\n  stick-table type string len 32 size 10k expire 30m\n  stick on req.cook(session)',
    },
    nginx: { module: 'http', upstream: 'hash $cookie_session consistent;' },
  },
  {
    theirs: ['NGINX http `hash $uri consistent`', 'HAProxy `balance uri`'],
    limpet: 'affinity: { key: http.path }',
    servers: 'http',
    come: byRequest({ path: client => `/room-${client}` }),
    haproxy: { mode: 'http', backend: '  balance uri\n  hash-type consistent' },
    nginx: { module: 'http', upstream: 'hash $uri consistent;' },
  },
  {
    theirs: [
      'HAProxy `accept-proxy` with `stick on src`',
      'NGINX stream `hash $proxy_protocol_addr consistent`',
      'AWS NLB `proxy_protocol_v2` before a target',
    ],
    limpet: 'affinity: { key: { proxy: source } }',
    listener: { proxyProtocol: { accept: 'on', trust: ['127.0.0.0/8'] } },
    servers: 'tcp',
    come: byProxyHeader,
    haproxy: {
      mode: 'tcp',
      bind: 'accept-proxy',
      backend: '  balance roundrobin\n  stick-table type ip size 10k expire 30m\n  stick on src',
    },
    nginx: { module: 'stream', listen: 'proxy_protocol', upstream: 'hash $proxy_protocol_addr consistent;' },
  },
  {
    theirs: [
      'HAProxy `cookie NAME insert`',
      'NGINX http `sticky cookie`',
      'AWS ALB `lb_cookie`',
      'Envoy `stateful_session` with a cookie',
    ],
    limpet: 'affinity: { cookie: { mode: insert } }',
    needsJavaScript: true,
    servers: 'http',
    come: byRequest(),
    haproxy: {
      mode: 'http',
      backend: '  balance roundrobin\n  cookie SERVER insert indirect',
      server: name => `cookie ${name}`,
    },
  },
  {
    theirs: [
      'HAProxy `stick store-response res.cook(JSESSIONID)`',
      'NGINX http `sticky learn`',
      'AWS ALB `app_cookie`',
    ],
    limpet: 'affinity: { cookie: { mode: learn, name: JSESSIONID } }',
    needsJavaScript: true,
    servers: 'http',
    answer: keepSessions(id => id),
    come: byRequest(),
    haproxy: {
      mode: 'http',
      backend:
        '  balance roundrobin\n  stick-table type string len 64 size 10k expire 30m\n  stick match req.cook(JSESSIONID)\n  stick store-response res.cook(JSESSIONID)',
    },
  },
  {
    theirs: ['NGINX http `sticky route`', 'HAProxy `use-server` by the end of a cookie'],
    limpet: 'affinity: { cookie: { mode: route, name: JSESSIONID } }',
    needsJavaScript: true,
    servers: 'http',
    answer: keepSessions((id, name) => `${id}.${name}`),
    come: byRequest(),
    haproxy: {
      mode: 'http',
      backend: `  balance roundrobin\n${['a', 'b', 'c'].map(name => `  use-server ${name} if { req.cook(JSESSIONID) -m end .${name} }`).join('\n')}`,
    },
  },
  {
    theirs: ['HAProxy `cookie JSESSIONID prefix`'],
    limpet: 'affinity: { cookie: { mode: route, name: JSESSIONID, position: prefix } }',
    needsJavaScript: true,
    servers: 'http',
    answer: keepSessions(id => id),
    come: byRequest(),
    haproxy: {
      mode: 'http',
      backend: '  balance roundrobin\n  cookie JSESSIONID prefix',
      server: name => `cookie ${name}`,
    },
  },
]

/** An application that sets a session cookie wherever it does not know that of the request. */
function keepSessions(cookieOf: (id: string, name: string) => string): NonNullable<Way['answer']> {
  const known = new Set<string>()
  return ({ headers }, response, name) => {
    const [, value = ''] = /JSESSIONID=([^;]*)/.exec(headers.cookie ?? '') ?? []
    if (known.has(`${name} ${value}`)) return
    const fresh = cookieOf(randomUUID().replaceAll('-', ''), name)
    known.add(`${name} ${fresh}`)
    response.setHeader('Set-Cookie', `JSESSIONID=${fresh}; Path=/`)
  }
}
