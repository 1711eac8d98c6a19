import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect, createSecureContext, TLSSocket } from 'node:tls'
import { expect } from 'chai'
import type {
  AffinityOptions,
  ListenerOptions,
  PoolOptions,
  ProxyProtocolOptions,
  SessionInfo,
} from '../../src/index.ts'
import { encodeProxy, PROXY_TLV, type ProxyHeader } from '../../src/protocol/proxy.ts'
import { Certificates } from '../helpers/certificates.ts'
import { Conn } from '../helpers/net.ts'
import { headOf } from '../helpers/proxy-head.ts'
import type { RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, type Backends, echo, idle, startBackends } from '../helpers/servers.ts'
import { TlsClient } from '../helpers/tls-client.ts'
import { TEST_MS, until, within } from '../helpers/wait.ts'

const AUTO: RelayPair = { name: 'auto', listener: { acceptor: 'auto', relay: 'auto' }, relay: 'stream' }
const ENDS = {
  source: { address: '192.0.2.7', port: 4711 },
  destination: { address: '198.51.100.2', port: 443 },
}
const LINE = encodeProxy({ version: 1, ...ENDS })

/** A proxy: sends a header and the client's first bytes as one, cut where it is told. */
class ProxyInFront extends Duplex {
  readonly #raw: Socket
  readonly #cuts: readonly number[]
  #header: Buffer | undefined

  constructor(raw: Socket, header: Buffer, cuts: readonly number[]) {
    super({ allowHalfOpen: true })
    this.#raw = raw
    this.#cuts = cuts
    this.#header = header
    raw.on('data', chunk => this.push(chunk)).once('end', () => this.push(null))
    raw.once('close', () => this.destroy())
  }

  override _read(): void {
    this.#raw.resume()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const bytes = Buffer.concat([this.#header ?? Buffer.alloc(0), chunk])
    const cuts = this.#header === undefined ? [] : this.#cuts
    this.#header = undefined
    this.#send(bytes, [...cuts, bytes.length]).then(() => done(), done)
  }

  async #send(bytes: Buffer, cuts: readonly number[]): Promise<void> {
    for (const [at, cut] of cuts.entries()) {
      await new Promise(resolve => this.#raw.write(bytes.subarray(cuts[at - 1] ?? 0, cut), resolve))
      // The balancer is in this process: by then it has had its turn to read.
      for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#raw.destroy()
    done(error)
  }
}

describe('TLS with the PROXY protocol', function () {
  this.timeout(TEST_MS)
  let made: Certificates
  let backends: Backends

  before(async function () {
    made = await Certificates.make(this)
    await made.add('ca')
    await made.add('good', { names: ['good.test', '127.0.0.1'], by: 'ca' })
  })
  after(async () => await made?.[Symbol.asyncDispose]())
  beforeEach(async () => {
    backends = await startBackends(['a', 'b', 'c'], echo)
  })
  afterEach(async () => await backends[Symbol.asyncDispose]())

  const ending = (): Partial<ListenerOptions> => ({ tls: { certificates: [made.pair('good')] } })

  const open = async (affinity: AffinityOptions, listener: Partial<ListenerOptions> = {}): Promise<Rig> =>
    await Rig.open(AUTO, {
      backends: backends.all,
      pool: { boundedLoad: 'off', affinity },
      listener: {
        ...ending(),
        proxyProtocol: { accept: 'on', trust: ['127.0.0.1'], timeout: '60s' },
        peek: { timeout: '60s' },
        ...listener,
      },
    })

  /** Shakes hands through a proxy. */
  async function come(rig: Rig, header: Buffer, cuts: readonly number[], options: ConnectionOptions): Promise<Conn> {
    const { socket: raw } = await rig.connect()
    raw.on('error', () => undefined)
    const socket = connect({ rejectUnauthorized: false, ...options, socket: new ProxyInFront(raw, header, cuts) })
    await within('the handshake', once(socket, 'secureConnect'))
    return new Conn(socket)
  }

  const said = async (client: Conn, text: string): Promise<void> => {
    await client.send(text)
    expect(String(await client.read(text.length))).to.equal(text)
  }

  const length = LINE.length
  for (const cuts of [[], [length], [1, length - 1], [length + 1], [5, length, length + 5], [length + 100]]) {
    const where = cuts.length === 0 ? 'in one segment' : `cut at ${cuts.map(cut => cut - length).join(' and ')}`
    it(`takes the client from the header and the key from the handshake behind it (${where})`, async () => {
      await using rig = await open({ key: ['tls.sni', 'source'] })
      for (const servername of ['good.test', 'x.test', 'y.test']) {
        const client = await come(rig, LINE, cuts, { servername })
        await said(client, 'hello')
        const live: SessionInfo[] = []
        for await (const session of rig.balancer.sessions()) live.push(session)
        expect(live[0]).to.include({ clientAddress: '192.0.2.7', clientPort: 4711, relay: 'stream' })
        expect(live[0]?.backend).to.equal(rig.balancer.pool().explain(Buffer.from(servername)).pin?.backend)
        client.destroy()
        await until('its end', () => rig.stats.sessions === 0)
      }
      expect(rig.balancer.pool().explain('192.0.2.7').pin).to.equal(undefined)
      // A client that asks for no name is known by its address: the header's.
      const client = await come(rig, LINE, cuts, {})
      await said(client, 'hello')
      const { pin } = rig.balancer.pool().explain('192.0.2.7')
      expect(rig.loads[pin?.backend ?? '']).to.equal(1)
      expect(rig.counters).to.include({ keyFound: 3, keyMissing: 1, opened: 4 })
      rig.hangUp()
      await rig.settle()
    })
  }

  it('takes a key of the header that goes before those of the handshake', async () => {
    await using rig = await open({ key: [{ proxy: 'authority' }, 'tls.sni', { proxy: 'source' }], fallback: 'refuse' })
    const named = encodeProxy({
      version: 2,
      ...ENDS,
      tlvs: [{ type: PROXY_TLV.authority, value: Buffer.from('name.test') }],
    })
    const explained = (key: string | Buffer): string | undefined => rig.balancer.pool().explain(key).pin?.backend
    await said(await come(rig, named, [], { servername: 'good.test' }), 'one')
    expect([explained(Buffer.from('name.test')), explained(Buffer.from('good.test'))]).to.include(undefined)
    expect(rig.loads[explained(Buffer.from('name.test')) ?? '']).to.equal(1)
    await said(await come(rig, LINE, [], { servername: 'good.test' }), 'two')
    expect(explained(Buffer.from('good.test'))).to.be.a('string')
    expect(explained('192.0.2.7')).to.equal(undefined)
    await said(await come(rig, LINE, [], {}), 'three')
    expect(explained('192.0.2.7')).to.be.a('string')
    expect(rig.counters).to.include({ keyFound: 3, opened: 3 })
    rig.hangUp()
    await rig.settle()
  })

  it('begins no handshake for a client without a header, or one that is denied', async () => {
    await using rig = await open({}, { deny: ['192.0.2.0/24'] })
    const plain = await TlsClient.start(rig.dial)
    await plain.over()
    const denied = await rig.connect()
    denied.socket.write(LINE)
    await denied.over()
    expect(denied.received.bytes).to.equal(0)
    expect(await rig.causes(2)).to.deep.equal(['refusedProxyInvalid', 'refusedDenied'])
    expect(rig.counters).to.include({ accepted: 2, opened: 0, refusedTls: 0, endClientGone: 0 })
  })

  describe('to backends', () => {
    const pool = (sendProxy: PoolOptions['sendProxy']): Omit<PoolOptions, 'backends'> => ({
      sendProxy,
      backendTls: { ca: made.cert('ca') },
      timeouts: { connect: '60s' },
    })

    /** What a backend is told, and the TLS that begins behind that. */
    async function accept(backend: Backend): Promise<{ header: ProxyHeader; server: Conn }> {
      const conn = await backend.next()
      const { header } = await headOf(conn)
      const secureContext = createSecureContext({ cert: await made.pem('good'), key: await made.pemKey('good') })
      const socket = new TLSSocket(conn.socket, { isServer: true, secureContext })
      await within('the handshake', once(socket, 'secure'))
      return { header, server: new Conn(socket) }
    }

    for (const [version, isEnding] of [
      ['v1', false],
      ['v2', false],
      ['v1', true],
      ['v2', true],
    ] as const) {
      it(`${version} goes before the handshake, once, for what comes ${isEnding ? 'in TLS' : 'plain'}`, async () => {
        await using backend = await Backend.start({ name: 'a', serve: idle })
        await using rig = await Rig.open(AUTO, {
          backends: [backend],
          pool: pool(version === 'v1' ? 'v1' : { version, tlvs: ['authority', 'crc32c'] }),
          listener: isEnding ? ending() : {},
        })
        const opening = isEnding ? TlsClient.open(rig.dial, { servername: 'Good.test' }) : rig.connect()
        const { header, server } = await accept(backend)
        const client = await opening
        const { port } = rig.dial
        expect(header).to.deep.include({
          source: {
            address: '127.0.0.1',
            port: isEnding ? (client as TlsClient).localPort : client.socket.localPort,
          },
          destination: { address: '127.0.0.1', port },
        })
        const names = header.tlvs.filter(({ type }) => type === PROXY_TLV.authority)
        expect(names.map(({ value }) => String(value))).to.deep.equal(isEnding && version === 'v2' ? ['good.test'] : [])
        await client.send('hello')
        expect(String(await server.read(5))).to.equal('hello')
        await server.send('welcome')
        expect(String(await client.read(7))).to.equal('welcome')
        client.finish()
        server.finish()
        expect(await rig.causes(1)).to.deep.equal(['endFinished'])
        expect(rig.counters).to.include({ bytesToBackend: 5, bytesToClient: 7 })
        await rig.settle()
      })
    }

    it('names whom a PROXY header has named, and where it went', async () => {
      await using backend = await Backend.start({ name: 'a', serve: idle })
      const proxyProtocol: ProxyProtocolOptions = { accept: 'on', trust: ['127.0.0.1'], timeout: '60s' }
      await using rig = await Rig.open(AUTO, {
        backends: [backend],
        pool: pool({ version: 'v2', tlvs: ['authority'] }),
        listener: { ...ending(), proxyProtocol },
      })
      const opening = come(rig, LINE, [], { servername: 'good.test' })
      const { header, server } = await accept(backend)
      expect(header).to.deep.include(ENDS)
      expect(header.tlvs.map(({ value }) => String(value))).to.deep.equal(['good.test'])
      const client = await opening
      await client.send('hello')
      expect(String(await server.read(5))).to.equal('hello')
      rig.hangUp()
      await rig.settle()
    })
  })
})
