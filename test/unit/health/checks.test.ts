// Each check against small servers that behave well, badly, slowly and not at all.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { expect } from 'chai'
import type { HealthOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { CheckFailure } from '../../../src/health/check.ts'
import { checkOf } from '../../../src/health/checks/index.ts'
import { freePort } from '../../helpers/net.ts'
import { requirePeer } from '../../helpers/peers.ts'
import { afterTest, cleanUp, until } from '../../lifecycle/helpers.ts'
import { HERMETIC } from '../config/helpers.ts'

const TIMEOUT_MS = 10_000
/** For servers that never answer. */
const SHORT_MS = 50

/** What a check says of a port: `well`, or what is wrong. */
async function said(port: number, health: HealthOptions, hostName?: string): Promise<string> {
  const options = { pools: { p: { health: { timeout: TIMEOUT_MS, ...health } } } }
  const settings = resolveOptions(options, HERMETIC).pools.get('p')?.health ?? expect.fail('there are no checks')
  const { check, longestMs } = checkOf(settings)
  const endpoint = { kind: 'ip', host: '127.0.0.1', port, family: 4, needsLookup: false } as const
  try {
    await check({ endpoint, hostName, outgoing: { sendProxy: undefined, sources: [] } }, AbortSignal.timeout(longestMs))
    return 'well'
  } catch (error) {
    if (error instanceof CheckFailure) return error.message
    throw error
  }
}

/**
 * The same of a server that has said what is wrong, and then is silent: given so much time that it was heard, which takes
 * longer on a busy machine.
 */
async function heard(port: number, health: HealthOptions): Promise<string> {
  for (let timeout = SHORT_MS; ; timeout *= 4) {
    const text = await said(port, { ...health, timeout })
    if (text.includes('got "') || timeout > TIMEOUT_MS) return text
  }
}

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterTest(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  })
  return (server.address() as AddressInfo).port
}

const speaking = (serve: (socket: Socket) => void): Promise<number> => listening(createServer(serve))
const answering = (handler: RequestListener): Promise<number> => listening(createHttpServer(handler))

describe('health checks', () => {
  afterEach(cleanUp)

  it('tcp: connects', async () => {
    const ended: Promise<unknown>[] = []
    const port = await speaking(socket => ended.push(once(socket.resume(), 'close')))
    expect(await said(port, { type: 'tcp' })).to.equal('well')
    expect(await said(await freePort(), { type: 'tcp' })).to.equal('ECONNREFUSED')
    // It leaves no connection behind.
    await Promise.all(ended)
  })

  it('http: a GET with its path and host, and the statuses that are well', async () => {
    const asked: unknown[] = []
    const port = await answering(({ method, url, headers }, answer) => {
      asked.push([method, url, headers.host])
      answer.writeHead(url === '/gone' ? 404 : 204).end()
    })
    expect(await said(port, { type: 'http' })).to.equal('well')
    expect(await said(port, { type: 'http', path: '/gone', host: 'a.example' })).to.equal('status 404')
    expect(await said(port, { type: 'http', path: '/gone', status: '200,400-404' })).to.equal('well')
    expect(await said(port, { type: 'http', status: 200 })).to.equal('status 204')
    expect(asked.slice(0, 2)).to.deep.equal([
      ['GET', '/', `127.0.0.1:${port}`],
      ['GET', '/gone', 'a.example'],
    ])
  })

  it('http: text in the first 64 KiB of the answer', async () => {
    const port = await answering(({ url }, answer) => {
      if (url === '/long') answer.write(Buffer.alloc(1024 * 1024, '.'))
      answer.write('all is ')
      setImmediate(() => answer.end('well'))
    })
    expect(await said(port, { type: 'http', body: 'is well' })).to.equal('well')
    expect(await said(port, { type: 'http', body: 'ill' })).to.equal('the answer does not hold "ill"')
    expect(await said(port, { type: 'http', path: '/long', body: 'is well' })).to.match(/does not hold/)
  })

  it('http: no answer, half an answer, and none of HTTP', async () => {
    const silent = await speaking(socket => socket.resume())
    expect(await said(silent, { type: 'http', timeout: SHORT_MS })).to.equal('no answer in time')
    const half = await answering((_, answer) => void answer.write('and then'))
    expect(await said(half, { type: 'http', body: 'more', timeout: SHORT_MS })).to.equal('no answer in time')
    const other = await speaking(socket => socket.end('220 this is mail\r\n'))
    expect(await said(other, { type: 'http' })).to.match(/^HPE_/)
  })

  it('http: the host name that the configuration has', async () => {
    const hosts: unknown[] = []
    const port = await answering(({ headers }, answer) => {
      hosts.push(headers.host)
      answer.end()
    })
    expect(await said(port, { type: 'http' }, 'db.example')).to.equal('well')
    expect(await said(port, { type: 'http', host: 'a.example' }, 'db.example')).to.equal('well')
    expect(hosts).to.deep.equal([`db.example:${port}`, 'a.example'])
  })

  it('http: an answer that wants another protocol', async () => {
    const port = await speaking(socket => {
      socket.on('data', () => socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'))
    })
    expect(await said(port, { type: 'http' })).to.equal('status 101')
  })

  it('expect: steps, whose answers come in pieces', async () => {
    const port = await speaking(socket => {
      socket.write('HEL')
      setImmediate(() => socket.write('LO 42 times\r\n'))
      socket.on('data', chunk => socket.write(`you said ${chunk}`))
    })
    const greeting = [{ expect: 'HELLO' }, { expectRegex: ' \\d+ times' }] as const
    const talk = [...greeting, { sendHex: '68 69' }, { expectHex: '73 61 69 64 20 68 69' }]
    expect(await said(port, { type: 'expect', steps: talk })).to.equal('well')
    // What a step used up is not looked at again.
    const again = [...greeting, { expect: 'HELLO', timeout: SHORT_MS }]
    expect(await said(port, { type: 'expect', steps: again })).to.equal(
      'no answer in time: wanted "HELLO", got "\\r\\n"',
    )
  })

  it('expect: a server that closes, and one that never ends', async () => {
    const short = await speaking(socket => socket.end('bye'))
    expect(await said(short, { type: 'expect', steps: [{ expect: 'HELLO' }] })).to.equal(
      'it closed the connection: wanted "HELLO", got "bye"',
    )
    const endless = await speaking(socket => {
      const more = (): void => {
        while (socket.write(Buffer.alloc(16 * 1024, '.')));
      }
      socket.on('drain', more)
      more()
    })
    expect(await said(endless, { type: 'expect', steps: [{ expect: 'HELLO' }] })).to.equal('it sent more than 64 KiB')
  })

  it('redis: PONG, or the wish for a password', async () => {
    const saying = (text: string): Promise<number> => speaking(socket => socket.on('data', () => socket.write(text)))
    expect(await said(await saying('+PONG\r\n'), { type: 'redis' })).to.equal('well')
    expect(await said(await saying('-NOAUTH Authentication required.\r\n'), { type: 'redis' })).to.equal('well')
    const loading = await saying('-LOADING Redis is loading the dataset in memory\r\n')
    expect(await heard(loading, { type: 'redis' })).to.match(/got "-LOADING/)
  })

  it('smtp: a greeting of one or more lines, and a goodbye', async () => {
    const saying = (greeting: string): Promise<number> =>
      speaking(socket => {
        socket.write(greeting)
        socket.on('data', chunk => socket.end(String(chunk) === 'QUIT\r\n' ? '221 bye\r\n' : '500 what?\r\n'))
      })
    expect(await said(await saying('220 mail.example\r\n'), { type: 'smtp' })).to.equal('well')
    expect(await said(await saying('220-mail.example\r\n220 is here\r\n'), { type: 'smtp' })).to.equal('well')
    const busy = await saying('421 too many connections\r\n')
    expect(await heard(busy, { type: 'smtp' })).to.match(/got "421 too many/)
  })

  it('mqtt: whether the server is available', async () => {
    const asked: Buffer[] = []
    const saying = (code: number): Promise<number> =>
      speaking(socket => {
        socket.on('data', chunk => {
          asked.push(chunk as Buffer)
          socket.write(Buffer.from([0x20, 2, 0, code]))
        })
      })
    for (const code of [0, 2, 5]) expect(await said(await saying(code), { type: 'mqtt' }), `${code}`).to.equal('well')
    expect(await said(await saying(3), { type: 'mqtt', timeout: SHORT_MS })).to.match(/^no answer in time: wanted/)
    // Remaining Length is that of what follows (MQTT 3.1.1, section 2.2.3).
    expect(asked[0]?.readUInt8(1)).to.equal((asked[0]?.length ?? 0) - 2)
  })

  it('mysql: its greeting, or the error in its place', async () => {
    const packet = (payload: Buffer, number = 0): Buffer => {
      const head = Buffer.alloc(4)
      head.writeUIntLE(payload.length, 0, 3)
      head.writeUInt8(number, 3)
      return Buffer.concat([head, payload])
    }
    const asked: Buffer[] = []
    const saying = (...parts: Buffer[]): Promise<number> =>
      speaking(async socket => {
        socket.setNoDelay(true).on('data', chunk => asked.push(chunk as Buffer))
        for (const part of parts) await new Promise(resolve => socket.write(part, resolve))
      })
    const mysql = { type: 'mysql' } as const
    // What MariaDB 10.11 says, up to the first part of the nonce.
    const greeting = packet(Buffer.from('\x0a5.5.5-10.11.6-MariaDB\0\x07\0\0\x0012345678\0', 'latin1'))
    expect(await said(await saying(greeting), mysql)).to.equal('well')
    await until(() => asked.length > 0)
    expect(asked[0]).to.deep.equal(Buffer.from([1, 0, 0, 1, 1]))
    expect(await said(await saying(...[...greeting].map(byte => Buffer.from([byte]))), mysql)).to.equal('well')
    const full = packet(Buffer.from('\xff\x10\x04Too many connections', 'latin1'))
    expect(await said(await saying(full), mysql)).to.equal('error 1040: Too many connections')
    const shutOut = packet(Buffer.from('\xff\x69\x04#HY000Host is blocked', 'latin1'))
    expect(await said(await saying(shutOut), mysql)).to.equal('error 1129: Host is blocked')
    const wrong = [
      Buffer.from('HTTP/1.1 400 Bad Request'),
      Buffer.from('SSH-2.0-OpenSSH'),
      packet(Buffer.alloc(0)),
      packet(Buffer.from('\x0a8.0\0'), 1),
      packet(Buffer.from('\x0a\0')),
      packet(Buffer.from('\x0awithout an end')),
      packet(Buffer.from('\x09old\0')),
      packet(Buffer.from([0xff, 0x10])),
      packet(Buffer.alloc(5000, 10)),
    ]
    for (const bytes of wrong) expect(await said(await saying(bytes), mysql)).to.equal('this is not MySQL')
    const part = greeting.subarray(0, 12)
    expect(await said(await saying(part), { ...mysql, timeout: SHORT_MS })).to.match(
      /^no answer in time: wanted a greeting/,
    )
  })

  it('postgres: whether it takes sessions', async () => {
    const saying = (bytes: Buffer): Promise<number> => speaking(socket => socket.on('data', () => socket.write(bytes)))
    const error = (code: string, text: string): Buffer => {
      const body = Buffer.from(`SFATAL\0C${code}\0M${text}\0\0`)
      const head = Buffer.from('E....')
      head.writeUInt32BE(body.length + 4, 1)
      return Buffer.concat([head, body])
    }
    const password = Buffer.from('R\0\0\0\x08\0\0\0\x03')
    expect(await said(await saying(password), { type: 'postgres' })).to.equal('well')
    const nobody = error('28000', 'role "limpet" does not exist')
    expect(await said(await saying(nobody), { type: 'postgres' })).to.equal('well')
    const starting = error('57P03', 'the database system is starting up')
    expect(await said(await saying(starting), { type: 'postgres' })).to.equal('the database system is starting up')
    expect(await said(await saying(Buffer.from('HTTP/1.1 400')), { type: 'postgres', timeout: SHORT_MS })).to.match(
      /in time/,
    )
    expect(await said(await saying(Buffer.from('x\0\0\0\x04')), { type: 'postgres' })).to.equal(
      'this is not PostgreSQL',
    )
  })

  it('tls, https: a handshake, with or without a look at the certificate', async function () {
    const { key, cert } = certificate(requirePeer(this, 'openssl'))
    const names: unknown[] = []
    const port = await listening(
      createTlsServer({ key, cert }, socket => {
        names.push(socket.servername)
        socket.on('error', () => undefined)
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      }),
    )
    expect(await said(port, { type: 'tls', tls: { verify: 'off' } })).to.equal('well')
    expect(await said(port, { type: 'tls' })).to.equal('DEPTH_ZERO_SELF_SIGNED_CERT')
    expect(await said(port, { type: 'https', tls: { verify: 'off' } })).to.equal('well')
    expect(await said(port, { type: 'https' })).to.equal('DEPTH_ZERO_SELF_SIGNED_CERT')
    await said(port, { type: 'https', host: 'a.example', tls: { verify: 'off' } })
    await said(port, { type: 'https', tls: { verify: 'off' } }, 'db.example')
    await said(port, { type: 'tls', tls: { verify: 'off', serverName: 'given.example' } }, 'db.example')
    // The server knows of a handshake later than the client.
    await until(() => names.includes('given.example'))
    const asked = names.filter(name => name !== false)
    expect(asked, 'names that were asked for').to.deep.equal(['db.example', 'given.example'])
    const plain = await speaking(socket => socket.resume())
    expect(await said(plain, { type: 'tls', timeout: SHORT_MS })).to.equal('no answer in time')
  })
})

function certificate(openssl: string): { key: string; cert: string } {
  const directory = mkdtempSync(join(tmpdir(), 'limpet-'))
  try {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost']
    const { status, stderr } = spawnSync(openssl, [...args, '-keyout', key, '-out', cert], { encoding: 'utf8' })
    expect(status, stderr).to.equal(0)
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

describe('a failed check', () => {
  it('is no fault of the server where this host could not ask', () => {
    const failed = (code: string): CheckFailure => CheckFailure.of(Object.assign(new Error('failed'), { code }))
    expect(['EMFILE', 'EADDRNOTAVAIL'].map(code => failed(code).isLocal)).to.deep.equal([true, true])
    expect(['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH'].map(code => failed(code).isLocal)).to.deep.equal([
      false,
      false,
      false,
    ])
    expect(CheckFailure.of(new Error('without a code')).message).to.equal('without a code')
  })
})
