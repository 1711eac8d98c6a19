import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { expect } from 'chai'
import type { BackendOptions, BackendTlsOptions, ListenerOptions } from '../../src/index.ts'
import { Certificates } from '../helpers/certificates.ts'
import { patternSum } from '../helpers/hash.ts'
import { Conn } from '../helpers/net.ts'
import type { RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, idle } from '../helpers/servers.ts'
import { TlsClient } from '../helpers/tls-client.ts'
import { TEST_MS, within } from '../helpers/wait.ts'

const AUTO: RelayPair = { name: 'auto', listener: { acceptor: 'auto', relay: 'auto' }, relay: 'stream' }
const KIB = 1024

/** A backend that speaks TLS, and does nothing: the test takes its connections. */
class TlsBackend implements AsyncDisposable {
  readonly #server: Server
  /** Connections, of which a handshake may never end. */
  readonly #live = new Set<Socket>()
  readonly #arrived: Conn[] = []

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket: Socket) => this.#live.add(socket))
    server.on('secureConnection', socket => {
      socket.pause()
      this.#arrived.push(new Conn(socket))
      server.emit('arrived')
    })
    server.on('tlsClientError', () => undefined)
  }

  static async start(options: TlsOptions): Promise<TlsBackend> {
    const server = createServer({ ...options, allowHalfOpen: true } as TlsOptions)
    const backend = new TlsBackend(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return backend
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  as(name: string): BackendOptions {
    return { name, address: `127.0.0.1:${this.port}` }
  }

  async next(): Promise<Conn> {
    if (this.#arrived.length === 0) await within('a connection at the backend', once(this.#server, 'arrived'))
    return this.#arrived.shift() ?? expect.fail('nobody came')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#live) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

describe('TLS to backends', function () {
  this.timeout(TEST_MS)
  let made: Certificates

  before(async function () {
    made = await Certificates.make(this)
    await made.add('ca')
    await made.add('other')
    await made.add('good', { names: ['127.0.0.1', 'good.test'], by: 'ca' })
    await made.add('stranger', { names: ['127.0.0.1'], by: 'other' })
    await made.add('expired', { names: ['127.0.0.1'], by: 'ca', days: -1 })
    await made.add('misnamed', { names: ['somebody.else'], by: 'ca' })
    await made.add('named', { names: ['named.test'], by: 'ca' })
    await made.add('client', { by: 'ca' })
  })

  after(async () => {
    await made?.[Symbol.asyncDispose]()
  })

  const start = async (name: string, options: TlsOptions = {}): Promise<TlsBackend> =>
    await TlsBackend.start({ cert: await made.pem(name), key: await made.pemKey(name), ...options })

  const open = async (
    backends: readonly BackendOptions[],
    backendTls: BackendTlsOptions = {},
    listener: Partial<ListenerOptions> = {},
  ): Promise<Rig> =>
    await Rig.open(AUTO, {
      backends,
      pool: { backendTls: { ca: made.cert('ca'), ...backendTls }, timeouts: { connect: '60s' } },
      listener,
    })

  for (const isEnding of [false, true]) {
    it(`encrypts what comes ${isEnding ? 'in TLS' : 'plain'}, with half-close and resets`, async () => {
      await using backend = await start('good')
      const listener: Partial<ListenerOptions> = isEnding ? { tls: { certificates: [made.pair('good')] } } : {}
      await using rig = await open([backend.as('a')], {}, listener)
      const dial = async (): Promise<Conn> => (isEnding ? await TlsClient.open(rig.dial) : await rig.connect())
      const client = await dial()
      const server = await backend.next()
      const question = server.drain()
      await client.sendPattern(1, 1000 * KIB)
      client.finish()
      expect(await question).to.equal(patternSum(1, 1000 * KIB))
      const answer = client.drain()
      await server.sendPattern(2, 1000 * KIB)
      server.finish()
      expect(await answer).to.equal(patternSum(2, 1000 * KIB))
      const second = await dial()
      const refusing = await backend.next()
      second.reset()
      expect(await refusing.over()).to.equal('reset')
      expect(await rig.causes(2)).to.deep.equal(['endFinished', 'endClientReset'])
      await rig.settle()
    })
  }

  for (const [bad, why] of [
    ['stranger', 'another CA'],
    ['expired', 'an expired certificate'],
    ['misnamed', 'a certificate of another name'],
  ] as const) {
    it(`sends a client elsewhere that meets ${why}`, async () => {
      await using backend = await start('good')
      await using refused = await start(bad)
      // Whoever is at home at the first one, or at the second: with several clients both are met.
      await using rig = await open([refused.as('bad'), backend.as('good')])
      for (let from = 2; from < 8; from++) {
        const client = await rig.connect({ localAddress: `127.0.0.${from}` })
        const server = await backend.next()
        await client.send('x')
        expect((await server.read(1)).toString()).to.equal('x')
      }
      expect(rig.loads).to.deep.equal({ bad: 0, good: 6 })
      expect(rig.counters.connectTls).to.be.greaterThan(0)
      rig.hangUp()
    })
  }

  it('sends a client elsewhere from a backend that speaks no TLS, or says nothing', async () => {
    await using backend = await start('good')
    await using plain = await Backend.start({ name: 'plain', serve: ({ socket }) => void socket.end('hello\r\n') })
    await using silent = await Backend.start({ name: 'silent', serve: idle })
    await using rig = await Rig.open(AUTO, {
      backends: [plain, silent, backend.as('good')],
      pool: { backendTls: { ca: made.cert('ca') }, timeouts: { connect: '300ms' } },
    })
    for (let from = 2; from < 8; from++) {
      await rig.connect({ localAddress: `127.0.0.${from}` })
      await backend.next()
    }
    expect(rig.loads.good).to.equal(6)
    expect(rig.counters.connectTls, 'by the plain one').to.be.greaterThan(0)
    expect(rig.counters.connectTimeout, 'by the silent one').to.be.greaterThan(0)
    rig.hangUp()
  })

  it('refuses a client when nobody can be trusted, and takes anybody with verify: off', async () => {
    await using refused = await start('stranger')
    await using rig = await open([refused.as('a')])
    const client = await rig.connect()
    await client.over()
    expect(await rig.causes(1)).to.deep.equal(['refusedNoBackend'])
    await using careless = await open([refused.as('a')], { verify: 'off' })
    const second = await careless.connect()
    await second.send('x')
    const server = await refused.next()
    expect((await server.read(1)).toString()).to.equal('x')
    careless.hangUp()
  })

  it('asks for a name, shows a certificate, and offers protocols', async () => {
    await using backend = await start('good', {
      ca: await readFile(made.cert('ca')),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['one'],
    })
    const listener: Partial<ListenerOptions> = { tls: { certificates: [made.pair('good')] } }
    const tls: BackendTlsOptions = { serverName: 'sni', alpn: ['one'], ...made.pair('client') }
    await using rig = await open([backend.as('a')], tls, listener)
    const client = await TlsClient.open(rig.dial, { servername: 'good.test' })
    const { socket } = await backend.next()
    const tlsSocket = socket as TLSSocket & { servername: string }
    expect(tlsSocket.servername).to.equal('good.test')
    expect(tlsSocket.getPeerCertificate().subject.CN).to.equal('client')
    expect(tlsSocket.alpnProtocol).to.equal('one')
    client.destroy()
  })

  it('blames no backend for a name that a client asks for, or for none', async () => {
    await using backend = await start('named')
    await using rig = await Rig.open(AUTO, {
      backends: [backend.as('a')],
      pool: { backendTls: { ca: made.cert('ca'), serverName: 'sni' }, ejection: { failures: 1, maxEjected: 100 } },
      listener: { tls: { certificates: [made.pair('good')] } },
    })
    for (const options of [{ servername: 'not.there.test' }, {}]) await TlsClient.open(rig.dial, options)
    expect(await rig.causes(2)).to.deep.equal(['refusedNoBackend', 'refusedNoBackend'])
    expect(rig.counters.connectTls).to.equal(2)
    expect(rig.balancer.pool().backends()[0]).to.include({ connectFailures: 0, takesNew: true })
    const client = await TlsClient.open(rig.dial, { servername: 'named.test' })
    await backend.next()
    client.destroy()
  })

  it('resets the client of a backend whose connection ends and TLS does not', async () => {
    await using backend = await start('good')
    await using rig = await open([backend.as('a')])
    const client = await rig.connect()
    const server = await backend.next()
    await server.send('half a wo')
    expect((await client.read(9)).toString()).to.equal('half a wo')
    // TLS sockets that are destroyed say nothing before.
    server.destroy()
    expect(await client.over()).to.equal('reset')
    expect(await rig.causes(1)).to.deep.equal(['endBackendReset'])
    await rig.settle()
  })
})
