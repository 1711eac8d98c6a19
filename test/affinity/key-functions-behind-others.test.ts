import { expect } from 'chai'
import type { KeyConnection, KeyFunction, PoolOptions, ProxyProtocolOptions } from '../../src/index.ts'
import { decodeProxy, encodeProxy, PROXY_TLV } from '../../src/protocol/proxy.ts'
import { AUTO, ask, cookieFor, HttpBackend, NAMES, SECRET } from '../cookies/servers.ts'
import type { Conn } from '../helpers/net.ts'
import { forEachRelayOfNet } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, type Backends, echo, idle, startBackends } from '../helpers/servers.ts'
import { TEST_MS } from '../helpers/wait.ts'

const ENDS = {
  source: { address: '192.0.2.7', port: 4711 },
  destination: { address: '198.51.100.2', port: 443 },
}
const PROXY: ProxyProtocolOptions = { accept: 'on', trust: ['127.0.0.1'], timeout: '60s' }
const PATIENT = { timeout: '60s' }
const HEADER = encodeProxy({
  version: 2,
  ...ENDS,
  tlvs: [{ type: PROXY_TLV.authority, value: Buffer.from('a.example') }],
})

/** What stands behind `id `, if it begins so. */
const idOf: KeyFunction = head => {
  if (head.length < 3) return 'more'
  return head.toString().startsWith('id ') ? head.subarray(3) : undefined
}

forEachRelayOfNet('keys made by functions behind a proxy', pair => {
  let backends: Backends

  beforeEach(async () => {
    backends = await startBackends(NAMES, echo)
  })
  afterEach(async () => await backends[Symbol.asyncDispose]())

  const open = async (pool: PoolOptions, all: readonly Backend[] = backends.all): Promise<Rig> =>
    await Rig.open(pair, {
      backends: all,
      pool: { boundedLoad: 'off', ...pool },
      listener: { proxyProtocol: PROXY, peek: PATIENT },
    })

  async function come(rig: Rig, parts: readonly Buffer[], text: string): Promise<Conn> {
    const client = await rig.connect()
    for (const part of parts) await client.send(part)
    expect(String(await client.read(text.length))).to.equal(text)
    return client
  }

  it('are told of the client that the header names, and so are records', async () => {
    const told: KeyConnection[] = []
    const heads: string[] = []
    await using rig = await open({
      affinity: {
        key: (head, connection) => {
          told.push(connection)
          heads.push(String(head))
          return 'ann'
        },
      },
    })
    for (const header of [HEADER, encodeProxy({ version: 1, ...ENDS })]) {
      const client = await come(rig, [Buffer.concat([header, Buffer.from('id x')])], 'id x')
      expect(rig.balancer.pool().explain(Buffer.from('ann')).pin?.backend).to.be.a('string')
      client.finish()
      await client.over()
    }
    expect(heads).to.deep.equal(['id x', 'id x'])
    for (const connection of told) expect(connection).to.include({ clientAddress: '192.0.2.7', clientPort: 4711 })
    expect(await rig.causes(2)).to.deep.equal(['endFinished', 'endFinished'])
    for (const close of rig.closes) {
      expect(close).to.include({ clientAddress: '192.0.2.7', clientPort: 4711, bytesToBackend: 4, relay: pair.relay })
    }
    await rig.settle()
  })

  it('are asked once there are bytes of the client, wherever they are cut', async () => {
    await using rig = await open({ affinity: { key: idOf, fallback: 'refuse' } })
    const bytes = Buffer.concat([HEADER, Buffer.from('id x')])
    for (const at of [1, HEADER.length - 1, HEADER.length, HEADER.length + 1]) {
      const client = await come(rig, [bytes.subarray(0, at), bytes.subarray(at)], 'id x')
      client.destroy()
    }
    expect(rig.counters).to.include({ keyFound: 4, keyFailed: 0 })
  })

  it('leave the address of the header to those without a key', async () => {
    await using rig = await open({ affinity: { key: [idOf, 'source'] } })
    const client = await come(rig, [HEADER, Buffer.from('hello')], 'hello')
    expect(rig.balancer.pool().explain('192.0.2.7').pin?.backend).to.be.a('string')
    expect(rig.balancer.pool().explain('127.0.0.1').pin).to.equal(undefined)
    client.destroy()
  })

  it('stand beside keys of the header', async () => {
    await using rig = await open({ affinity: { key: [idOf, { proxy: 'authority' }, { proxy: 'source' }] } })
    const first = await come(rig, [HEADER, Buffer.from('hello')], 'hello')
    expect(rig.balancer.pool().explain(Buffer.from('a.example')).pin?.backend).to.be.a('string')
    const bare = encodeProxy({ version: 2, ...ENDS })
    const second = await come(rig, [bare, Buffer.from('hello')], 'hello')
    expect(rig.balancer.pool().explain('192.0.2.7').pin?.backend).to.be.a('string')
    expect(rig.counters).to.include({ keyFound: 2, keyMissing: 0 })
    first.destroy()
    second.destroy()
  })

  it('tell the backend who the client is', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await open({ affinity: { key: idOf }, sendProxy: 'v2' }, [backend])
    const client = await rig.connect()
    await client.send(Buffer.concat([HEADER, Buffer.from('id x')]))
    const server = await backend.next()
    const expected = encodeProxy({ version: 2, ...ENDS })
    const verdict = decodeProxy(await server.read(expected.length))
    expect(verdict.status === 'complete' && verdict.header).to.deep.include({ ...ENDS, command: 'proxy' })
    expect(String(await server.read(4))).to.equal('id x')
    client.destroy()
  })
})

describe('keys made by functions behind a cookie', function () {
  this.timeout(TEST_MS)

  it('are asked where the cookie says nothing', async () => {
    const backends = await Promise.all(NAMES.map(name => HttpBackend.start(name)))
    try {
      await using rig = await Rig.open(AUTO, {
        backends: backends.map(({ options }) => options),
        pool: { secret: SECRET, boundedLoad: 'off', affinity: { cookie: { mode: 'insert' }, key: () => 'ann' } },
      })
      for (const name of NAMES) expect((await ask(rig, cookieFor(name))).body).to.equal(name)
      const { body, cookies } = await ask(rig)
      expect(body).to.equal(rig.balancer.pool().explain(Buffer.from('ann')).home)
      expect(cookies).to.deep.equal([`${cookieFor(body)}; Path=/; SameSite=Lax; HttpOnly`])
      expect(rig.stats.pools[rig.pool]?.decisions).to.include({ cookie: 3 })
      expect(rig.counters).to.include({ keyFound: 4, keyFailed: 0 })
    } finally {
      await Promise.all(backends.map(backend => backend[Symbol.asyncDispose]()))
    }
  })
})
