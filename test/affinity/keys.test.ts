import { expect } from 'chai'
import { clientHello, connectPacket, rdpRequest, startupPacket } from '../../src/bench/keys/heads.ts'
import type { AffinityOptions, KeyOption, ListenerOptions } from '../../src/index.ts'
import { clientAddress } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, echo } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

/** SSLRequest and GSSENCRequest of PostgreSQL, which come before the startup packet. */
const POSTGRES_REQUESTS = {
  tls: Buffer.from('0000000804d2162f', 'hex'),
  gss: Buffer.from('0000000804d21630', 'hex'),
} as const

/** What a client says first, and the key that it has then. */
const HEADS: [key: KeyOption, head: Buffer, found: string][] = [
  ['tls.sni', clientHello({ serverName: 'Ann.Example' }), 'ann.example'],
  ['tls.alpn', clientHello({ protocols: ['mqtt', 'h2'] }), 'mqtt'],
  ['rdp.cookie', rdpRequest('Cookie: mstshash=ann'), 'ann'],
  ['mqtt.clientId', connectPacket('meter-7'), 'meter-7'],
  ['postgres.user', startupPacket({ user: 'ann', database: 'shop' }), 'ann'],
  ['postgres.database', startupPacket({ user: 'ann', database: 'shop' }), 'shop'],
  ['postgres.startup:application_name', startupPacket({ user: 'ann', application_name: 'till' }), 'till'],
  ['redis.auth', Buffer.from('*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$2\r\npw\r\n'), 'ann'],
  ['ssh.version', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'SSH-2.0-OpenSSH_9.2'],
  ['sip.callId', Buffer.from('OPTIONS sip:a SIP/2.0\r\nVia: x\r\nCall-ID: 7@x\r\n\r\n'), '7@x'],
  ['socks.user', Buffer.from('\x04\x01\x00\x50\x7f\x00\x00\x01ann\x00', 'latin1'), 'ann'],
  ['http.cookie:id', Buffer.from('GET / HTTP/1.1\r\nCookie: a=1; id=7\r\n\r\n'), '7'],
  ['http.header:x-user', Buffer.from('GET / HTTP/1.1\r\nX-User: ann\r\n\r\n'), 'ann'],
  ['http.path', Buffer.from('GET /room/7?x=y HTTP/1.1\r\n\r\n'), '/room/7'],
  [{ bytes: { offset: 1, length: 4 } }, Buffer.from('xplayer'), 'play'],
  [{ lengthPrefixed: { offset: 1, size: 2 } }, Buffer.from('x\x00\x03anna', 'latin1'), 'ann'],
  [{ lengthPrefixed: { offset: 0, size: 4, order: 'little' } }, Buffer.from('\x03\x00\x00\x00ann', 'latin1'), 'ann'],
]
const NAMES = ['a', 'b', 'c']
const PATIENT = { timeout: '60s' }

forEachRelay('keys in the head of a connection', pair => {
  let backends: Backend[]

  beforeEach(async () => {
    backends = await Promise.all(NAMES.map(name => Backend.start({ name, serve: echo })))
  })
  afterEach(async () => {
    await Promise.all(backends.map(backend => backend[Symbol.asyncDispose]()))
  })

  const open = async (affinity: AffinityOptions, peek: ListenerOptions['peek'] = PATIENT): Promise<Rig> =>
    await Rig.open(pair, { backends, pool: { affinity, boundedLoad: 'off' }, listener: { peek } })

  /** Every byte comes back: the head went on as it was. */
  async function visit(rig: Rig, head: Buffer, localAddress = '127.0.0.1'): Promise<void> {
    const client = await rig.connect({ localAddress })
    await client.send(head)
    expect((await client.read(head.length)).equals(head)).to.equal(true)
    client.destroy()
  }

  const served = (): string[] => backends.filter(backend => backend.accepted > 0).map(({ name }) => name)

  for (const [key, head, found] of HEADS) {
    it(`finds ${JSON.stringify(key)}, in one piece and byte by byte`, async () => {
      await using rig = await open({ key, fallback: 'refuse' })
      const home = rig.balancer.pool().explain(Buffer.from(found)).home ?? ''
      await visit(rig, head, clientAddress(1))
      await visit(rig, head, clientAddress(2))
      const client = await rig.connect({ localAddress: clientAddress(3) })
      for (const byte of head) await client.send(Buffer.from([byte]))
      expect((await client.read(head.length)).equals(head)).to.equal(true)
      expect(served()).to.deep.equal([home])
      expect(rig.balancer.pool().explain(Buffer.from(found)).pin?.backend).to.equal(home)
      expect(rig.counters.keyFound).to.equal(3)
      client.destroy()
      await rig.causes(3)
    })
  }

  it('refuses encryption where that is wanted, each kind once, and nothing of it goes on', async () => {
    await using rig = await open({ key: 'postgres.user', fallback: 'refuse', postgres: { tls: 'refuse' } })
    const { tls, gss } = POSTGRES_REQUESTS
    const startup = startupPacket({ user: 'ann' })
    const asked = [[tls], [gss], [gss, tls], []]
    for (const [at, requests] of asked.entries()) {
      const isBytewise = at % 2 === 1
      const client = await rig.connect({ localAddress: clientAddress(at) })
      for (const request of requests) {
        for (const byte of isBytewise ? request : [0]) await client.send(isBytewise ? Buffer.from([byte]) : request)
        expect(String(await client.read(1))).to.equal('N')
      }
      await client.send(startup)
      expect((await client.read(startup.length)).equals(startup)).to.equal(true)
      client.destroy()
    }
    expect(served()).to.deep.equal([rig.balancer.pool().explain(Buffer.from('ann')).home])
    await rig.causes(asked.length)
    for (const { bytesToBackend } of rig.closes) expect(bytesToBackend).to.equal(startup.length)
    expect(rig.counters).to.include({ keyFound: asked.length, bytesToBackend: asked.length * startup.length })
    // All at once, and once too often.
    const insists = await rig.connect()
    await insists.send(Buffer.concat([tls, tls]))
    expect(String(await insists.read(2))).to.equal('N')
    expect((await rig.causes(asked.length + 1)).at(-1)).to.equal('refusedNoKey')
  })

  it('waits no longer for the startup packet of a client that was refused encryption', async () => {
    await using rig = await open({ key: 'postgres.user', postgres: { tls: 'refuse' } }, { timeout: '50ms' })
    const client = await rig.connect()
    await client.send(POSTGRES_REQUESTS.tls)
    expect(String(await client.read(1))).to.equal('N')
    await until('it to have a backend', () => served().length === 1)
    expect(rig.counters.keyLate).to.equal(1)
    expect(await client.echo('late')).to.equal('late')
  })

  it('takes the first of a list that is there', async () => {
    await using rig = await open({ key: ['tls.sni', 'http.cookie:id', 'source'] })
    const pool = rig.balancer.pool()
    await visit(rig, Buffer.from('GET / HTTP/1.1\r\nCookie: id=7\r\n\r\n'))
    await visit(rig, Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    expect(pool.explain(Buffer.from('7')).pin?.backend).to.be.a('string')
    expect(pool.explain('127.0.0.1').pin?.backend).to.be.a('string')
    expect([rig.counters.keyFound, rig.counters.keyMissing]).to.deep.equal([1, 1])
  })

  it('does not wait for what cannot come any more', async () => {
    await using rig = await open({ key: 'tls.sni' })
    await visit(rig, Buffer.from('SSH-2.0-x\r\n'))
    expect(rig.counters.keyMissing).to.equal(1)
  })

  it('goes by the address of a client that says nothing, when the time is over', async () => {
    await using rig = await open({ key: 'tls.sni' }, { timeout: '20ms' })
    const client = await rig.connect()
    await until('it to have a backend', () => served().length === 1)
    expect(rig.balancer.pool().explain('127.0.0.1').home).to.equal(served()[0])
    await client.send(Buffer.from('late'))
    expect(String(await client.read(4))).to.equal('late')
    expect(rig.counters.keyLate).to.equal(1)
  })

  it('looks no further than it may', async () => {
    await using rig = await open({ key: 'http.cookie:id' }, { ...PATIENT, bytes: 64 })
    await visit(rig, Buffer.from(`GET /${'a'.repeat(100)} HTTP/1.1\r\nCookie: id=7\r\n\r\n`))
    expect(rig.counters.keyTooFar).to.equal(1)
  })

  it('refuses clients without a key where that is wanted, and counts them', async () => {
    await using rig = await open({ key: 'http.cookie:id', fallback: 'refuse' })
    const client = await rig.connect()
    await client.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    expect(await rig.causes(1)).to.deep.equal(['refusedNoKey'])
    expect(served()).to.deep.equal([])
    expect(rig.counters.refusedNoKey).to.equal(1)
    client.destroy()
  })

  it('spreads clients without a key where that is wanted', async () => {
    await using rig = await open({ key: 'http.cookie:id', fallback: 'random' })
    for (let n = 0; n < 3; n++) {
      const client = await rig.connect()
      await client.send(Buffer.from('no key\n'))
      await client.read(7)
    }
    expect(rig.loads).to.deep.equal({ a: 1, b: 1, c: 1 })
    expect(rig.balancer.pool().explain('127.0.0.1').pin).to.equal(undefined)
  })

  it('passes on what a client said that ended before its key came, and what it is answered', async () => {
    await using rig = await open({ key: 'http.cookie:id' })
    const client = await rig.connect()
    await client.send(Buffer.from('GET /'))
    client.finish()
    expect(String(await client.read(5))).to.equal('GET /')
    await client.closed
    expect(client.error).to.equal(undefined)
    expect(await rig.causes(1)).to.deep.equal(['endFinished'])
  })

  it('forgets clients that leave before their key has come', async () => {
    await using rig = await open({ key: 'http.cookie:id' })
    const clients = await Promise.all([rig.connect(), rig.connect()])
    await clients[0]?.send(Buffer.from('GET /'))
    await until('both to be there', () => rig.stats.sessions === 2)
    for (const client of clients) client.reset()
    expect(await rig.causes(2)).to.deep.equal(['endClientGone', 'endClientGone'])
    expect(served()).to.deep.equal([])
  })

  it('closes while heads are waited for', async () => {
    await using rig = await open({ key: 'http.cookie:id' })
    await rig.connect()
    await until('it to be there', () => rig.stats.sessions === 1)
    await rig.balancer.close({ timeoutMs: 0 })
    expect(await rig.causes(1)).to.deep.equal(['endShutdown'])
  })
})
