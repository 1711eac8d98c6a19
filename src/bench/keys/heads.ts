/** First bytes of clients, made by hand from the texts of the protocols. */

/** Network byte order, as everything here. */
export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

/** Behind its length, in so many bytes. */
export function withLength(size: 1 | 2 | 3, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(size)
  length.writeUIntBE(body.length, 0, size)
  return Buffer.concat([length, body])
}

/** Of a hello of TLS. */
export function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([u16(type), withLength(2, data)])
}

/** What there is in a ClientHello. */
export interface ClientHelloParts {
  serverName?: string
  protocols?: string[]
  /** The session to go on with, up to 32 bytes. */
  session?: Buffer
}

/** A ClientHello of TLS in one record (RFC 8446). */
export function clientHello({ serverName, protocols, session = Buffer.alloc(0) }: ClientHelloParts): Buffer {
  const extensions: Buffer[] = []
  if (serverName !== undefined) {
    extensions.push(extension(0, withLength(2, Buffer.from([0]), withLength(2, Buffer.from(serverName)))))
  }
  if (protocols !== undefined) {
    extensions.push(extension(16, withLength(2, ...protocols.map(name => withLength(1, Buffer.from(name))))))
  }
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 'r'),
    withLength(1, session),
    withLength(2, u16(0x1301)),
    withLength(1, Buffer.from([0])),
    withLength(2, ...extensions),
  ])
  return handshake(1, body)
}

/** A message of TLS in one record. */
export function handshake(type: number, body: Buffer): Buffer {
  const message = Buffer.concat([Buffer.from([type]), withLength(3, body)])
  return Buffer.concat([Buffer.from([22, 3, 3]), withLength(2, message)])
}

/** CONNECT of MQTT 3.1.1. */
export function connectPacket(clientId: string): Buffer {
  const body = Buffer.concat([
    withLength(2, Buffer.from('MQTT')),
    Buffer.from([4, 2, 0, 60]),
    withLength(2, Buffer.from(clientId)),
  ])
  return Buffer.concat([Buffer.from([0x10]), withLength(1, body)])
}

/** The startup packet of PostgreSQL's protocol 3.0. */
export function startupPacket(parameters: Record<string, string>): Buffer {
  const list = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`)
  const body = Buffer.concat([u16(3), u16(0), Buffer.from(`${list.join('')}\0`)])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}

/** The connection request of RDP, with a line behind the head of X.224. */
export function rdpRequest(line: string): Buffer {
  const x224 = Buffer.concat([
    Buffer.from([0xe0, 0, 0, 0, 0, 0]),
    Buffer.from(`${line}\r\n`),
    Buffer.from([1, 0, 8, 0, 0, 0, 0, 0]),
  ])
  return Buffer.concat([Buffer.from([3, 0]), u16(x224.length + 5), Buffer.from([x224.length]), x224])
}

/** AUTH of Redis with a user (RESP2). */
export function redisAuth(user: string): Buffer {
  const words = ['AUTH', user, 'password']
  return Buffer.from(`*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`)
}

/** A REGISTER of SIP. */
export function sipRegister(callId: string): Buffer {
  const lines = [
    'REGISTER sip:a.example SIP/2.0',
    'Via: SIP/2.0/TCP b.example',
    `Call-ID: ${callId}`,
    'CSeq: 1 REGISTER',
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
}

/** CONNECT of SOCKS4. */
export function socksConnect(user: string): Buffer {
  return Buffer.concat([Buffer.from([4, 1, 0, 80, 192, 0, 2, 1]), Buffer.from(`${user}\0`)])
}

/** A GET of HTTP/1.1, as long as that of a browser. */
export function httpRequest({ path = '/', cookie = 'none', user = 'nobody' } = {}): Buffer {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: a.example',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'Accept-Language: en',
    `X-User: ${user}`,
    `Cookie: theme=dark; session=${cookie}`,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
}

/**
 * A PROXY header, version 2, of a client with an IPv6 address.
 *
 * @param prefix - the first 8 bytes of the address
 * @param authority - the name that the client asked the proxy for
 */
export function proxyHeader(prefix: string, authority = 'a.example'): Buffer {
  const ends = Buffer.concat([Buffer.from(prefix), Buffer.alloc(24, 1), u16(4711), u16(443)])
  const block = Buffer.concat([ends, Buffer.from([2]), withLength(2, Buffer.from(authority))])
  return Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n!!'), withLength(2, block)])
}
