import { expect } from 'chai'
import { clientHello } from '../../src/bench/keys/heads.ts'
import type {
  AffinityOptions,
  ListenerOptions,
  PoolOptions,
  ProxyProtocolOptions,
  SessionInfo,
} from '../../src/index.ts'
import { encodeProxy, PROXY_TLV, type ProxySettings } from '../../src/protocol/proxy.ts'
import type { Conn } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, type Backends, echo, named, startBackends } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

const ENDS = {
  source: { address: '192.0.2.7', port: 4711 },
  destination: { address: '198.51.100.2', port: 443 },
}
const ENDS6 = {
  source: { address: '2001:db8::7', port: 4711 },
  destination: { address: '2001:db8::1', port: 443 },
}
const LINE = encodeProxy({ version: 1, ...ENDS })
const PROXY = '127.0.0.1'
const STRANGER = '127.0.0.9'
const PATIENT: ProxyProtocolOptions = { accept: 'on', trust: [PROXY], timeout: '60s' }

const v2 = (settings: Omit<ProxySettings, 'version'> = {}): Buffer => encodeProxy({ version: 2, ...ENDS, ...settings })
const tlv = (type: number, value: string | Buffer): { type: number; value: Buffer } => ({
  type,
  value: Buffer.from(value),
})
/** A header of version 2, byte by byte. */
const raw = (command: number, family: number, block: Buffer, length = block.length): Buffer =>
  Buffer.concat([
    Buffer.from('0d0a0d0a000d0a515549540a', 'hex'),
    Buffer.from([command, family, length >> 8, length & 0xff]),
    block,
  ])

// Rows 23 and 24 of the fault matrix; the codec's own vectors are in test/native/proxy_protocol_test.cc.
forEachRelay('PROXY protocol', pair => {
  let backends: Backends

  beforeEach(async () => {
    backends = await startBackends(['a', 'b', 'c'], echo)
  })
  afterEach(async () => await backends[Symbol.asyncDispose]())

  const open = async (
    proxyProtocol: ProxyProtocolOptions = PATIENT,
    { listener, ...pool }: PoolOptions & { listener?: Partial<ListenerOptions> } = {},
  ): Promise<Rig> =>
    await Rig.open(pair, {
      backends: backends.all,
      pool: { boundedLoad: 'off', ...pool },
      listener: { ...listener, proxyProtocol },
    })

  /** Comes with these bytes, reads back what follows the header, and stays. */
  async function come(rig: Rig, header: Buffer, payload = 'hello'): Promise<Conn> {
    const client = await rig.connect()
    await client.send(Buffer.concat([header, Buffer.from(payload)]))
    expect(String(await client.read(payload.length))).to.equal(payload)
    return client
  }

  /** Comes with these bytes, and is closed without an answer. */
  async function closed(rig: Rig, bytes: Buffer | string, localAddress = PROXY): Promise<void> {
    const client = await rig.connect({ localAddress })
    client.socket.write(bytes)
    await client.over()
    expect(client.received.bytes).to.equal(0)
  }

  const served = (): number => backends.all.reduce((sum, { accepted }) => sum + accepted, 0)

  it('makes the source of the header the client, for pins and records', async () => {
    await using rig = await open()
    for (const [header, address] of [
      [LINE, '192.0.2.7'],
      [v2({ checksum: true }), '192.0.2.7'],
      [v2(ENDS6), '2001:db8::7'],
      [v2({ source: { address: '::ffff:192.0.2.9', port: 4711 }, destination: ENDS6.destination }), '192.0.2.9'],
    ] as const) {
      const client = await come(rig, header)
      const pool = rig.balancer.pool()
      expect(rig.loads[pool.explain(address).pin?.backend ?? '']).to.equal(1)
      const live: SessionInfo[] = []
      for await (const session of rig.balancer.sessions()) live.push(session)
      expect(live[0]).to.include({ clientAddress: address, clientPort: 4711 })
      client.finish()
      await client.over()
      await until('its end', () => rig.stats.sessions === 0)
    }
    expect(rig.balancer.pool().explain(PROXY).pin).to.equal(undefined)
    expect(await rig.causes(4)).to.deep.equal(new Array(4).fill('endFinished'))
    for (const close of rig.closes) expect(close).to.include({ clientPort: 4711, bytesToBackend: 5, bytesToClient: 5 })
    expect(rig.counters.bytesToBackend).to.equal(20)
    rig.hangUp()
    await rig.settle()
  })

  it('takes the header and nothing else, wherever the bytes are cut', async () => {
    await using rig = await open()
    const cuts = [LINE, v2({ tlvs: [tlv(0xe0, 'x')], checksum: true })].flatMap(header =>
      Array.from(
        { length: header.length + 1 },
        (_, at) => [Buffer.concat([header, Buffer.from('12')]), at + 1] as const,
      ),
    )
    await Promise.all(
      cuts.map(async ([bytes, at]) => {
        const client = await rig.connect()
        await client.send(bytes.subarray(0, at))
        await client.send(bytes.subarray(at))
        client.finish()
        expect(String(await client.read(3)), `cut at ${at}`).to.equal('12')
        await client.over()
      }),
    )
    const slow = await rig.connect()
    for (const byte of LINE) await slow.send(Buffer.from([byte]))
    expect(await slow.echo('whole')).to.equal('whole')
    slow.finish()
    await slow.over()
    expect(await rig.causes(cuts.length + 1)).to.deep.equal(new Array(cuts.length + 1).fill('endFinished'))
    expect(rig.counters.bytesToBackend).to.equal(2 * cuts.length + 5)
    rig.hangUp()
    await rig.settle()
  })

  it('waits for nothing behind the header: the server may speak first', async () => {
    await using greeting = await Backend.start({ name: 'g', serve: named })
    await using rig = await Rig.open(pair, {
      backends: [greeting],
      pool: { affinity: { key: [{ proxy: 'authority' }, { proxy: 'source' }], fallback: 'refuse' } },
      listener: { proxyProtocol: PATIENT, peek: { timeout: '60s' } },
    })
    const client = await rig.connect()
    await client.send(LINE)
    expect(await client.line()).to.equal('g')
    expect(rig.balancer.pool().explain('192.0.2.7').pin?.backend).to.equal('g')
    rig.hangUp()
    await rig.settle()
  })

  it('goes by the connection itself where the header names nobody', async () => {
    await using rig = await open()
    const headers = [v2({ command: 'local' }), raw(0x20, 0, Buffer.from('some TLVs')), raw(0x20, 0x11, Buffer.alloc(0))]
    for (const header of [...headers, raw(0x21, 0, Buffer.alloc(0)), Buffer.from('PROXY UNKNOWN ::1 x\r\n')]) {
      await come(rig, header)
    }
    const home = rig.balancer.pool().explain(PROXY).pin?.backend ?? ''
    expect(rig.loads[home]).to.equal(5)
    rig.hangUp()
    await rig.settle()
  })

  it('knows no address of clients that came to the proxy by a unix socket', async () => {
    await using rig = await open()
    const [source, destination] = [{ path: Buffer.from('/run/client') }, { path: Buffer.from('/run/proxy') }]
    await come(rig, v2({ source, destination }))
    expect(rig.balancer.pool().explain(PROXY).pin).to.equal(undefined)
    rig.hangUp()
    const [cause] = await rig.causes(1)
    expect(cause).to.be.a('string')
    expect(rig.closes[0]).to.include({ clientAddress: undefined, reason: 'nokey' })
    await rig.settle()
  })

  it('closes whom it does not trust, with a header or without', async () => {
    await using rig = await open()
    for (const bytes of [LINE, v2(), 'hello', 'P']) await closed(rig, bytes, STRANGER)
    expect(rig.counters).to.include({ accepted: 4, refusedProxyUntrusted: 4 })
    expect(served()).to.equal(0)
    expect(rig.balancer.pool().explain('192.0.2.7').pin).to.equal(undefined)
    await rig.settle()
  })

  it('closes what is no header, or a wrong one, before a backend is asked', async () => {
    await using rig = await open()
    const corrupt = v2({ checksum: true })
    corrupt[20] = (corrupt[20] ?? 0) ^ 1
    const line = (text: string): Buffer => Buffer.from(text.padEnd(text.includes('\n') ? 0 : 107, '1'))
    const bad = [
      clientHello({ serverName: 'a.example' }),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      line('PROXY TCP4 '),
      line('PROXY TCP4 192.0.2.7 198.51.100.2 4711 443 \r\n'),
      line('PROXY TCP4 010.0.0.1 198.51.100.2 4711 443\r\n'),
      corrupt,
      raw(0x21, 0x41, Buffer.alloc(12)),
      raw(0x21, 0x11, Buffer.alloc(0)),
      raw(0x31, 0x11, Buffer.alloc(12)),
      raw(0x22, 0x11, Buffer.alloc(12)),
      // Its TLV goes past its end, into what follows.
      Buffer.concat([raw(0x21, 0x11, Buffer.from('0102030401020304000100022000ff61', 'hex')), Buffer.alloc(255, 'a')]),
      // Longer than 16 KiB: refused when its length is there.
      raw(0x21, 0x11, Buffer.alloc(0), 16 * 1024 - 15),
    ]
    for (const bytes of bad) await closed(rig, bytes)
    expect(await rig.causes(bad.length)).to.deep.equal(new Array(bad.length).fill('refusedProxyInvalid'))
    expect(rig.counters.refusedProxyInvalid).to.equal(bad.length)
    expect(served()).to.equal(0)
    rig.hangUp()
    await rig.settle()
  })

  it('takes the longest headers that there may be', async () => {
    await using rig = await open()
    const rest = 107 - 'PROXY UNKNOWN \r\n'.length
    await come(rig, Buffer.from(`PROXY UNKNOWN ${'x'.repeat(rest)}\r\n`))
    await closed(rig, Buffer.from(`PROXY UNKNOWN ${'x'.repeat(rest + 1)}\r\n`))
    const most = 16 * 1024 - 16 - 12 - 3
    await come(rig, v2({ tlvs: [tlv(0xe0, Buffer.alloc(most))] }))
    expect(rig.balancer.pool().explain('192.0.2.7').pin).to.not.equal(undefined)
    rig.hangUp()
    await rig.settle()
  })

  it('closes clients whose header ends too early, and forgets those who say nothing at all', async () => {
    await using rig = await open()
    const headers = [LINE, v2({ tlvs: [tlv(2, 'a.example')], checksum: true })]
    const cuts = headers.flatMap(header => Array.from(header.subarray(1), (_, at) => header.subarray(0, at + 1)))
    await Promise.all(
      cuts.map(async bytes => {
        const client = await rig.connect()
        await client.send(bytes)
        client.finish()
        await client.over()
      }),
    )
    expect(await rig.causes(cuts.length)).to.deep.equal(new Array(cuts.length).fill('refusedProxyInvalid'))
    const check = await rig.connect()
    check.finish()
    await check.over()
    expect((await rig.causes(cuts.length + 1)).at(-1)).to.equal('endClientGone')
    const gone = await rig.connect()
    await gone.send('PROXY')
    await until('it to be there', () => rig.stats.sessions === 1)
    gone.reset()
    expect((await rig.causes(cuts.length + 2)).at(-1)).to.equal('endClientGone')
    expect(served()).to.equal(0)
    rig.hangUp()
    await rig.settle()
  })

  it('waits no longer than it may, however the header drips', async () => {
    await using rig = await open({ ...PATIENT, timeout: '100ms' })
    const [silent, slow] = [await rig.connect(), await rig.connect()]
    const drip = setInterval(() => slow.socket.write('P'), 5)
    await slow.send('PROXY UNKNOWN ')
    await Promise.all([silent.over(), slow.over()])
    clearInterval(drip)
    const causes = await rig.causes(2)
    expect(causes).to.include('refusedProxyTimeout')
    // One that drips too much is told by its length.
    for (const cause of causes) expect(cause).to.be.oneOf(['refusedProxyTimeout', 'refusedProxyInvalid'])
    expect(served()).to.equal(0)
    rig.hangUp()
    await rig.settle()
  })

  it('asks allow and deny about the client, and trust about the proxy', async () => {
    await using rig = await open(PATIENT, { listener: { allow: ['192.0.2.0/24'], deny: ['192.0.2.8'] } })
    await come(rig, LINE)
    const others = [
      v2({ ...ENDS, source: { address: '192.0.2.8', port: 1 } }),
      v2(ENDS6),
      v2({ command: 'local' }),
      v2({ source: { path: Buffer.from('/a') }, destination: { path: Buffer.from('/b') } }),
    ]
    for (const header of others) await closed(rig, header)
    expect(rig.counters).to.include({ accepted: 5, opened: 1, refusedDenied: 4, refusedProxyUntrusted: 0 })
  })

  it('holds the limits of one client for each that the headers name', async () => {
    await using rig = await open(PATIENT, { limits: { sessionsPerKey: 1 } })
    await come(rig, LINE)
    await closed(rig, v2())
    await come(rig, v2(ENDS6))
    expect(rig.counters).to.include({ accepted: 3, opened: 2, refusedKeySessions: 1 })
    rig.hangUp()
    await rig.settle()
  })

  it('finds keys in the header, and in the head behind it', async () => {
    const aws = [tlv(PROXY_TLV.aws, '\u0002no'), tlv(PROXY_TLV.aws, '\u0001vpce-7')]
    const key: AffinityOptions['key'] = [
      { proxy: 'authority' },
      { proxy: 'uniqueId' },
      { proxy: 'vpcEndpoint' },
      { proxy: 0xe3 },
      'http.path',
      { proxy: 'source' },
    ]
    await using rig = await open(PATIENT, { affinity: { key, fallback: 'refuse' } })
    const pool = rig.balancer.pool()
    const http = 'GET /room HTTP/1.1\r\n\r\n'
    for (const [header, payload, found] of [
      [v2({ tlvs: [...aws, tlv(5, 'id-7'), tlv(2, 'a.example')] }), 'x', Buffer.from('a.example')],
      [v2({ tlvs: [tlv(0xe3, 'own'), ...aws, tlv(5, 'id-7')] }), 'x', Buffer.from('id-7')],
      [v2({ tlvs: [tlv(0xe3, 'own'), ...aws] }), 'x', Buffer.from('vpce-7')],
      [v2({ tlvs: [tlv(0xe3, 'own'), tlv(2, '')] }), 'x', Buffer.from('own')],
      [LINE, http, Buffer.from('/room')],
      // What follows a header is none of its TLVs.
      [v2(), '\u0002\u0000\u0001a', '192.0.2.7'],
    ] as const) {
      await come(rig, header, payload)
      expect(pool.explain(found).pin?.backend, String(found)).to.be.a('string')
    }
    expect(rig.counters.keyFound).to.equal(6)
    expect(pool.explain(Buffer.from('a')).pin).to.equal(undefined)
    await closed(rig, Buffer.concat([v2({ command: 'local' }), Buffer.from('\u0016')]))
    expect(rig.counters).to.include({ keyMissing: 1, refusedNoKey: 1 })
    rig.hangUp()
    await rig.settle()
  })

  it('counts clients whose header has not come for maxSessions', async () => {
    await using rig = await open(PATIENT, { listener: { maxSessions: 1 } })
    const first = await rig.connect()
    await until('it to be there', () => rig.stats.sessions === 1)
    await closed(rig, LINE)
    expect(rig.counters.refusedMaxSessions).to.equal(1)
    await first.send(Buffer.concat([LINE, Buffer.from('hello')]))
    expect(String(await first.read(5))).to.equal('hello')
  })

  it('changes with a reload, for those who come then', async () => {
    await using rig = await open()
    const old = await come(rig, LINE)
    const listener = { name: 'l', bind: '127.0.0.1:0', pool: rig.pool, ...pair.listener }
    const servers = backends.all.map(({ name, address }) => ({ name, address }))
    const pool: PoolOptions = { boundedLoad: 'off', stickTable: { size: 10_000 }, backends: servers }
    const reload = async (proxyProtocol: ProxyProtocolOptions): Promise<void> => {
      const listeners = [{ ...listener, proxyProtocol }]
      await rig.balancer.reload({ listeners, pools: { [rig.pool]: pool }, log: { level: 'error' } })
    }
    await reload({ ...PATIENT, trust: [STRANGER] })
    await closed(rig, LINE)
    await reload({ accept: 'off' })
    expect(String(await (await come(rig, Buffer.alloc(0), 'hi')).echo('x'))).to.equal('x')
    expect(await old.echo('still')).to.equal('still')
    expect(rig.counters.refusedProxyUntrusted).to.equal(1)
  })

  it('ends with the balancer while headers are waited for', async () => {
    await using rig = await open()
    await rig.connect()
    await until('it to be there', () => rig.stats.sessions === 1)
    await rig.balancer.close({ timeoutMs: 0 })
    expect(await rig.causes(1)).to.deep.equal(['endShutdown'])
  })

  it('makes the /64s of one /56 come home to the same backend, and keeps their pins apart (ipv6Prefix: auto)', async () => {
    await using rig = await open(PATIENT, { secret: 'homes of blocks', affinity: { ipv6Prefix: 'auto' } })
    const homes = new Set<string | undefined>()
    for (let block = 0; block < 16; block++) {
      const seen = new Set<string | undefined>()
      for (const subnet of [0, 1, 255]) {
        const address = `2001:db8:0:${((block << 8) | subnet).toString(16)}::1`
        const client = await rig.connect()
        await client.send(encodeProxy({ version: 1, ...ENDS6, source: { address, port: 4711 } }))
        expect(await client.echo('ping')).to.equal('ping')
        client.finish()
        await client.over()
        const told = rig.balancer.pool().explain(address)
        seen.add(told.pin?.backend)
        expect(told.pin?.backend).to.equal(told.home)
      }
      expect(seen.size, `backends of the block ${block}`).to.equal(1)
      for (const backend of seen) homes.add(backend)
    }
    expect(homes.size).to.equal(backends.all.length)
    expect(rig.stats.pools[rig.pool]?.table.entries).to.equal(3 * 16)
    rig.hangUp()
    await rig.settle()
  })
})
