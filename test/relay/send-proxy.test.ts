import { expect } from 'chai'
import { encodeProxy, PROXY_TLV, type ProxyHeader } from '../../src/protocol/proxy.ts'
import { Directory } from '../helpers/directory.ts'
import { clientAddress, freePort } from '../helpers/net.ts'
import { balena, builder, type Route } from '../helpers/proxy-codecs.ts'
import { headOf } from '../helpers/proxy-head.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, idle, type Serve } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

/** A server that wants to know who comes before it says a word, as SMTP's would. */
const greeting: Serve = async conn => {
  const { header } = await headOf(conn)
  const { source } = header
  conn.socket.write(`220 ${source !== undefined && 'address' in source ? source.address : 'nobody'}\n`)
  conn.socket.pipe(conn.socket)
}

/** A ClientHello with the name a.example, and nothing else. */
function clientHello(): Buffer {
  const name = Buffer.from('a.example')
  const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
  const entry = Buffer.concat([Buffer.from([0]), u16(name.length), name])
  const extension = Buffer.concat([u16(0), u16(entry.length + 2), u16(entry.length), entry])
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    u16(extension.length),
    extension,
  ])
  const handshake = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body])
  return Buffer.concat([Buffer.from([22, 3, 1]), u16(handshake.length), handshake])
}

function tlvText({ tlvs }: ProxyHeader, type: number): string | undefined {
  const found = tlvs.find(tlv => tlv.type === type)
  return found && Buffer.from(found.value).toString()
}

forEachRelay('sendProxy', pair => {
  for (const version of ['v1', 'v2'] as const) {
    it(`${version}: says who the client is before its first byte, as two other codecs read it`, async () => {
      await using backend = await Backend.start({ serve: idle })
      await using rig = await Rig.open(pair, { backends: [backend], pool: { sendProxy: version } })
      const client = await rig.connect({ localAddress: clientAddress(1) })
      const server = await backend.next()
      // Nothing was sent yet: whoever speaks first has to be told as well.
      const { header, bytes } = await headOf(server)
      const route: Route = {
        source: clientAddress(1),
        sourcePort: client.socket.localPort ?? 0,
        destination: '127.0.0.1',
        destinationPort: rig.dial.port ?? 0,
      }
      expect(header).to.deep.equal({
        version: version === 'v1' ? 1 : 2,
        command: 'proxy',
        transport: 'stream',
        source: { address: route.source, port: route.sourcePort },
        destination: { address: route.destination, port: route.destinationPort },
        tlvs: [],
      })
      expect(balena.decode(bytes)).to.deep.equal(route)
      expect(version === 'v1' ? builder.decodeV1(bytes) : builder.decodeV2(bytes)).to.deep.equal(route)

      await client.send('hello')
      expect((await server.read(5)).toString()).to.equal('hello')
      await server.send('welcome')
      expect((await client.read(7)).toString()).to.equal('welcome')
      client.finish()
      await server.over()
      server.finish()
      await client.over()
      await rig.settle()
      // The client's bytes, and no others.
      expect(rig.counters).to.include({ bytesToBackend: 5, bytesToClient: 7, endFinished: 1 })
      expect(rig.closes.map(({ bytesToBackend }) => bytesToBackend)).to.deep.equal([5])
    })
  }

  it('lets a server speak first', async () => {
    await using backend = await Backend.start({ serve: greeting })
    await using rig = await Rig.open(pair, { backends: [backend], pool: { sendProxy: 'v1' } })
    for (let n = 0; n < 5; n++) {
      const client = await rig.connect({ localAddress: clientAddress(n) })
      expect(await client.line()).to.equal(`220 ${clientAddress(n)}`)
      expect(await client.echo('hello')).to.equal('hello')
      client.finish()
      await client.over()
    }
    await rig.settle()
  })

  it('tells the backend that takes the client after others refused it', async () => {
    await using live = await Backend.start({ name: 'live', serve: greeting })
    const dead = await Promise.all(['d1', 'd2'].map(async name => ({ name, address: `127.0.0.1:${await freePort()}` })))
    await using rig = await Rig.open(pair, { backends: [...dead, live], pool: { sendProxy: 'v2' } })
    for (let n = 0; n < 10; n++) {
      const client = await rig.connect({ localAddress: clientAddress(n) })
      expect(await client.line()).to.equal(`220 ${clientAddress(n)}`)
      client.finish()
      await client.over()
    }
    await rig.settle()
    expect(rig.counters.connectRefused).to.be.greaterThan(0)
  })

  it('comes before bytes and an end that were there before the backend was', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend], pool: { sendProxy: 'v2' } })
    const client = await rig.connect()
    client.socket.end('early')
    const server = await backend.next()
    await headOf(server)
    expect((await server.read(100)).toString()).to.equal('early')
    await server.send('late')
    server.finish()
    await client.drain()
    expect(client.received.bytes).to.equal(4)
    await rig.settle()
    expect(rig.counters).to.include({ bytesToBackend: 5, bytesToClient: 4, endFinished: 1 })
  })

  it('comes before bulk, which is whole', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend], pool: { sendProxy: 'v2' } })
    const client = await rig.connect()
    const server = await backend.next()
    await headOf(server)
    const { bytes } = server.received
    const sending = client.sendPattern(7, 3_000_000).then(() => client.finish())
    await server.drain()
    await sending
    expect(server.received.bytes - bytes).to.equal(3_000_000)
    server.finish()
    await client.over()
    await rig.settle()
    expect(rig.counters.bytesToBackend).to.equal(3_000_000)
  })

  it('says nobody of a client by a unix socket, in version 1, and that it is one in version 2', async () => {
    await using directory = await Directory.make()
    for (const sendProxy of ['v1', 'v2'] as const) {
      await using backend = await Backend.start({ path: directory.file(`backend-${sendProxy}`), serve: idle })
      const listener = { bind: `unix:${directory.file(`front-${sendProxy}`)}` }
      await using rig = await Rig.open(pair, { backends: [backend], pool: { sendProxy }, listener })
      const client = await rig.connect()
      const { header } = await headOf(await backend.next())
      if (sendProxy === 'v1') expect(header).to.include({ version: 1, transport: 'unspecified' })
      else {
        expect(header).to.include({ version: 2, command: 'proxy', transport: 'stream' })
        // Node does not know the names of a socket that was accepted.
        const path = pair.relay === 'native' ? directory.file('front-v2') : ''
        expect(header.source).to.deep.equal({ path: Buffer.alloc(0) })
        expect(header.destination).to.deep.equal({ path: Buffer.from(path) })
      }
      client.finish()
    }
  })

  it('has the TLVs that were asked for: the id that the session has in the log, the server name, a checksum', async () => {
    await using backend = await Backend.start({ serve: idle })
    const sendProxy = { version: 'v2' as const, tlvs: ['crc32c' as const, 'uniqueId' as const, 'authority' as const] }
    const pool = { sendProxy, affinity: { key: 'tls.sni' } }
    await using rig = await Rig.open(pair, { backends: [backend], pool })
    const client = await rig.connect()
    const hello = clientHello()
    await client.send(hello)
    const server = await backend.next()
    // A wrong checksum would be refused.
    const { header } = await headOf(server)
    const types = [PROXY_TLV.authority, PROXY_TLV.uniqueId, PROXY_TLV.checksum].sort()
    expect(header.tlvs.map(({ type }) => type).sort()).to.deep.equal(types)
    expect(tlvText(header, PROXY_TLV.authority)).to.equal('a.example')
    expect((await server.read(hello.length)).equals(hello)).to.equal(true)
    client.finish()
    await server.over()
    server.finish()
    await client.over()
    await rig.settle()
    expect(rig.closes.map(({ id }) => id)).to.deep.equal([tlvText(header, PROXY_TLV.uniqueId)])
  })

  it('has the server name of TLS that has come by then, without waiting for it', async () => {
    await using backend = await Backend.start({ serve: idle })
    const only = { name: backend.name, address: backend.address, maxSessions: 1 }
    const pool = {
      sendProxy: { version: 'v2' as const, tlvs: ['authority' as const] },
      limits: { queue: { size: 1, timeout: '1h' } },
    }
    await using rig = await Rig.open(pair, { backends: [only], pool })
    const first = await rig.connect()
    const before = await backend.next()
    expect((await headOf(before)).header.tlvs).to.deep.equal([])
    const second = await rig.connect()
    const hello = clientHello()
    await second.send(hello)
    await until('it to wait', () => rig.stats.pools[rig.pool]?.queue?.waiting === 1)
    first.finish()
    await before.over()
    before.finish()
    const server = await backend.next()
    expect(tlvText((await headOf(server)).header, PROXY_TLV.authority)).to.equal('a.example')
    expect((await server.read(hello.length)).equals(hello)).to.equal(true)
    second.finish()
    await server.over()
    server.finish()
    await second.over()
    await rig.settle()
    expect(rig.counters).to.include({ bytesToBackend: hello.length, endFinished: 2 })
  })

  it('says on what a proxy in front has said of a unix socket, and no name that is empty', async () => {
    await using backend = await Backend.start({ serve: idle })
    const listener = { proxyProtocol: { accept: 'on' as const, trust: ['127.0.0.0/8'] } }
    const pool = { sendProxy: { version: 'v2' as const, tlvs: ['authority' as const] } }
    await using rig = await Rig.open(pair, { backends: [backend], pool, listener })
    const ends = { source: { path: Buffer.from('/run/client') }, destination: { path: Buffer.from('\0front') } }
    const tlvs = [{ type: PROXY_TLV.authority, value: Buffer.alloc(0) }]
    const client = await rig.connect()
    await client.send(encodeProxy({ version: 2, ...ends, tlvs }))
    const { header } = await headOf(await backend.next())
    expect(header).to.deep.equal({ version: 2, command: 'proxy', transport: 'stream', ...ends, tlvs: [] })
    client.finish()
  })

  it('says on what a proxy in front has said', async () => {
    await using backend = await Backend.start({ serve: idle })
    const listener = { proxyProtocol: { accept: 'on' as const, trust: ['127.0.0.0/8'] } }
    await using rig = await Rig.open(pair, { backends: [backend], pool: { sendProxy: 'v2' }, listener })
    const ends = {
      source: { address: '192.0.2.1', port: 1234 },
      destination: { address: '198.51.100.2', port: 443 },
    }
    for (const version of [1, 2] as const) {
      const client = await rig.connect()
      await client.send(Buffer.concat([encodeProxy({ version, ...ends }), Buffer.from('hello')]))
      const server = await backend.next()
      const { header } = await headOf(server)
      expect(header).to.deep.equal({ version: 2, command: 'proxy', transport: 'stream', ...ends, tlvs: [] })
      expect((await server.read(5)).toString()).to.equal('hello')
      client.finish()
      await server.over()
      server.finish()
      await client.over()
    }
    // A check of the proxy's: it is the client itself.
    const check = await rig.connect({ localAddress: clientAddress(4) })
    await check.send(encodeProxy({ version: 2, command: 'local' }))
    const { header } = await headOf(await backend.next())
    expect(header.source).to.deep.equal({ address: clientAddress(4), port: check.socket.localPort })
    check.finish()
  })

  it('is another one for new sessions after a reload', async () => {
    await using backend = await Backend.start({ serve: idle })
    const options = (sendProxy: 'off' | 'v1') => ({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: rig.pool, ...pair.listener }],
      pools: {
        [rig.pool]: {
          stickTable: { size: 10_000 },
          sendProxy,
          backends: [{ name: backend.name, address: backend.address }],
        },
      },
      log: { level: 'error' as const },
    })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const before = await rig.connect()
    await before.send('plain')
    const plain = await backend.next()
    expect((await plain.read(5)).toString()).to.equal('plain')
    const { settings } = await rig.balancer.reload(options('v1'))
    expect(settings.map(({ path }) => path.replace(rig.pool, 'p'))).to.deep.equal(['pools.p.sendProxy'])
    const after = await rig.connect()
    const { header } = await headOf(await backend.next())
    expect(header.version).to.equal(1)
    await before.send('still')
    expect((await plain.read(5)).toString()).to.equal('still')
    after.finish()
  })
})
