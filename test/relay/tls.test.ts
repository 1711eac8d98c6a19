import { once } from 'node:events'
import { Duplex, PassThrough } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { expect } from 'chai'
import type { ListenerTlsOptions, PoolOptions } from '../../src/index.ts'
import { Certificates } from '../helpers/certificates.ts'
import { patternSum } from '../helpers/hash.ts'
import type { RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, idle, startBackends } from '../helpers/servers.ts'
import { TlsClient } from '../helpers/tls-client.ts'
import { steady, TEST_MS, until, within } from '../helpers/wait.ts'

/** What a listener takes of itself. */
const AUTO: RelayPair = { name: 'auto', listener: { acceptor: 'auto', relay: 'auto' }, relay: 'stream' }
const KIB = 1024

/** What a client says first. */
async function firstMessage(): Promise<Buffer> {
  const said = new PassThrough()
  connect({ socket: Duplex.from({ readable: new PassThrough(), writable: said }) })
  const [message] = await once(said, 'data')
  return message
}

describe('TLS that ends at a listener', function () {
  this.timeout(TEST_MS)
  let made: Certificates

  before(async function () {
    made = await Certificates.make(this)
    await made.add('ca')
    await made.add('other')
    await made.add('a', { names: ['a.test', '*.wild.test'], by: 'ca' })
    await made.add('b', { names: ['b.test', 'x.wild.test'], by: 'ca' })
    await made.add('alice', { by: 'ca', subject: '/O=Example, Inc./CN=alice' })
    await made.add('bob', { by: 'ca', subject: '/O=Example, Inc./CN=bob' })
    await made.add('stranger', { by: 'other' })
    await made.add('expired', { by: 'ca', days: -1 })
  })

  after(async () => {
    await made?.[Symbol.asyncDispose]()
  })

  const open = async (
    backends: readonly Backend[],
    tls: Partial<ListenerTlsOptions> = {},
    pool: Omit<PoolOptions, 'backends'> = {},
  ): Promise<Rig> =>
    await Rig.open(AUTO, {
      backends,
      pool,
      listener: { tls: { certificates: [made.pair('a'), made.pair('b')], ...tls } },
    })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    describe(version, () => {
      const only: ConnectionOptions = { minVersion: version, maxVersion: version }

      it('carries what is in it, both ways, at the pace of slow readers', async () => {
        await using backend = await Backend.start({ serve: idle })
        await using rig = await open([backend])
        const client = await TlsClient.open(rig.dial, { ...only, servername: 'a.test', ca: await made.pem('ca') })
        const server = await backend.next()
        const sending = Promise.all([client.sendPattern(1, 4000 * KIB), server.sendPattern(2, 4000 * KIB)])
        await steady('the bytes that fit in between', () => rig.counters.bytesToBackend + rig.counters.bytesToClient)
        const [up, down] = [server.drain(), client.drain()]
        await sending
        client.finish()
        server.finish()
        expect(await up).to.equal(patternSum(1, 4000 * KIB))
        expect(await down).to.equal(patternSum(2, 4000 * KIB))
        await rig.settle()
        expect(rig.counters).to.include({ endFinished: 1, bytesToBackend: 4000 * KIB, bytesToClient: 4000 * KIB })
      })

      it('delivers the whole answer to a client that has ended its side, and the other way round', async () => {
        await using backend = await Backend.start({ serve: idle })
        await using rig = await open([backend])
        for (const isClientFirst of [true, false]) {
          const client = await TlsClient.open(rig.dial, only)
          const server = await backend.next()
          const [first, second] = isClientFirst ? [client, server] : [server, client]
          const begun = second.drain()
          await first.sendPattern(3, 100 * KIB)
          first.finish()
          expect(await begun).to.equal(patternSum(3, 100 * KIB))
          const answer = first.drain()
          await second.sendPattern(4, 1000 * KIB)
          second.finish()
          expect(await answer).to.equal(patternSum(4, 1000 * KIB))
        }
        await rig.settle()
        expect(rig.counters.endFinished).to.equal(2)
      })

      it('resets the backend when the connection ends and TLS does not', async () => {
        await using backend = await Backend.start({ serve: idle })
        await using rig = await open([backend])
        const client = await TlsClient.open(rig.dial, only)
        const server = await backend.next()
        await client.send('half a wo')
        expect((await server.read(9)).toString()).to.equal('half a wo')
        client.truncate()
        expect(await server.over()).to.equal('reset')
        client.destroy()
        await rig.settle()
        expect(await rig.causes(1)).to.deep.equal(['endClientReset'])
      })

      it('passes resets on, in both directions', async () => {
        await using backend = await Backend.start({ serve: idle })
        await using rig = await open([backend])
        for (const isClient of [true, false]) {
          const client = await TlsClient.open(rig.dial, only)
          const server = await backend.next()
          await client.send('1')
          await server.read(1)
          const other = isClient ? server.over() : client.over()
          if (isClient) client.reset()
          else server.reset()
          expect(await other).to.equal('reset')
        }
        await rig.settle()
        expect(await rig.causes(2)).to.deep.equal(['endClientReset', 'endBackendReset'])
      })
    })
  }

  it('shows the certificate of the name that is asked for, exact before wildcard, or the first', async () => {
    await using backend = await Backend.start()
    await using rig = await open([backend])
    const asked = [
      'a.test',
      'b.test',
      'B.TEST',
      'b.test.',
      'y.wild.test',
      'x.wild.test',
      'wild.test',
      'z.y.wild.test',
      undefined,
    ]
    const shown: unknown[] = []
    for (const servername of asked) {
      const client = await TlsClient.open(rig.dial, servername === undefined ? {} : { servername })
      expect(await client.echo('x')).to.equal('x')
      shown.push(client.tls.getPeerCertificate().subject.CN)
      client.finish()
    }
    expect(shown).to.deep.equal(['a', 'b', 'b', 'b', 'a', 'b', 'a', 'a', 'a'])
    await rig.settle()
  })

  it('agrees on a protocol, and on a version', async () => {
    await using backend = await Backend.start()
    await using rig = await open([backend], { alpn: ['two', 'one'], minVersion: 'TLSv1.3' })
    const client = await TlsClient.open(rig.dial, { ALPNProtocols: ['one', 'two'] })
    expect(client.tls.alpnProtocol).to.equal('two')
    client.finish()
    await rig.causes(1)
    for (const options of [{ ALPNProtocols: ['three'] }, { maxVersion: 'TLSv1.2' }] as const) {
      const refused = await TlsClient.start(rig.dial, options)
      await within('the end', refused.closed)
      expect(refused.error?.code).to.match(/ALERT/)
    }
    expect((await rig.causes(3)).slice(1)).to.deep.equal(['refusedTls', 'refusedTls'])
    await rig.settle()
  })

  it('refuses who speaks no TLS, or says nothing for too long; a place is held meanwhile', async () => {
    await using backend = await Backend.start()
    await using rig = await open([backend], { handshakeTimeout: '200ms' })
    const silent = await rig.connect()
    await until('the place', () => rig.stats.sessions === 1 && rig.stats.fdBudget.used === 2)
    expect(await silent.over()).to.equal('end')
    const plain = await rig.connect()
    await plain.send('GET / HTTP/1.1\r\n\r\n')
    await plain.over()
    const gone = await rig.connect()
    gone.finish()
    await gone.over()
    const lost = await rig.connect()
    await lost.send(await firstMessage())
    lost.reset()
    expect(await rig.causes(4)).to.deep.equal(['refusedTls', 'refusedTls', 'endClientGone', 'endClientGone'])
    expect(backend.accepted).to.equal(0)
    await rig.settle()
  })

  it('serves a client that sends everything at once and ends, and ends a handshake that is under way', async () => {
    await using backend = await Backend.start()
    await using rig = await open([backend])
    for (let time = 0; time < 5; time++) {
      const client = await TlsClient.start(rig.dial)
      client.socket.end('all of it')
      await client.drain()
      expect(client.received.bytes).to.equal(9)
    }
    await rig.causes(5)
    await rig.connect()
    await until('the place', () => rig.stats.sessions === 1)
    await rig.balancer.destroy()
    expect((await rig.causes(6)).at(-1)).to.equal('endShutdown')
    expect(rig.counters).to.include({ endFinished: 5, endShutdown: 1 })
  })

  it('takes clients with a certificate of its CA only, or those with none too', async () => {
    await using backend = await Backend.start()
    for (const clientCertificates of ['require', 'request'] as const) {
      await using rig = await open([backend], { clientCa: made.cert('ca'), clientCertificates })
      const served: string[] = []
      for (const name of ['alice', 'stranger', 'expired', undefined]) {
        const files = name === undefined ? {} : { cert: await made.pem(name), key: await made.pemKey(name) }
        const client = await TlsClient.start(rig.dial, files)
        client.socket.write('x')
        const answer = new Promise<void>(resolve => {
          client.socket.once('data', () => served.push(name ?? 'none'))
          for (const event of ['data', 'end', 'close']) client.socket.once(event, () => resolve())
        })
        await within(`an answer, or the end, for ${name}`, answer)
        client.finish()
        client.destroy()
      }
      expect(served).to.deep.equal(clientCertificates === 'require' ? ['alice'] : ['alice', 'none'])
      await rig.settle()
      expect(rig.counters.refusedTls).to.equal(clientCertificates === 'require' ? 3 : 2)
    }
  })

  it('keeps who has a certificate, a name or a cookie at one backend, from wherever he comes', async () => {
    await using backends = await startBackends(['x', 'y', 'z'], idle)
    const cases: { key: string; certificate?: string; options?: ConnectionOptions; text?: string }[] = [
      { key: 'tls.clientSubject', certificate: 'alice' },
      { key: 'tls.clientSubject', certificate: 'bob' },
      { key: 'tls.sni', options: { servername: 'a.test' } },
      { key: 'tls.alpn', options: { ALPNProtocols: ['one'] } },
      { key: 'http.cookie:id', text: 'GET / HTTP/1.1\r\nCookie: id=7\r\n\r\n' },
    ]
    for (const { key, certificate, options = {}, text = 'x' } of cases) {
      const ca: Partial<ListenerTlsOptions> = {
        clientCa: made.cert('ca'),
        clientCertificates: 'request',
        alpn: ['one'],
      }
      await using rig = await open(backends.all, ca, { affinity: { key: [key], fallback: 'refuse' } })
      const files =
        certificate === undefined ? {} : { cert: await made.pem(certificate), key: await made.pemKey(certificate) }
      for (let from = 2; from < 8; from++) {
        const client = await TlsClient.open({ ...rig.dial, localAddress: `127.0.0.${from}` }, { ...files, ...options })
        await client.send(text)
        await until(
          'the session',
          () => rig.counters.opened === from - 1,
          () => rig.counters,
        )
      }
      const loads = Object.values(rig.loads).filter(load => load > 0)
      expect(loads, key).to.deep.equal([6])
      expect(rig.counters.keyFound).to.equal(6)
      for (const backend of backends.all) for (const conn of backend.live) conn.reset()
      await rig.settle()
    }
  })
})
