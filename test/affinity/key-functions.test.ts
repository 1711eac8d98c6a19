import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { clientHello, rdpRequest } from '../../src/bench/keys/heads.ts'
import type { AffinityOptions, KeyConnection, KeyFunction, ListenerOptions } from '../../src/index.ts'
import { Conn, clientAddress, toDial } from '../helpers/net.ts'
import { forEachRelayOfNet } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, echo } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'
import { routingToken } from './answers.ts'

const NAMES = ['a', 'b', 'c']
const PATIENT = { timeout: '60s' }

/** A line that begins with `id `: the rest of it is the key. */
const idOfLine: KeyFunction = head => {
  const text = head.toString()
  if (!'id '.startsWith(text.slice(0, 3))) return undefined
  const end = text.indexOf('\n')
  return end < 0 ? 'more' : text.slice(3, end)
}

forEachRelayOfNet('keys made by functions', pair => {
  let backends: Backend[]

  beforeEach(async () => {
    backends = await Promise.all(NAMES.map(name => Backend.start({ name, serve: echo })))
  })
  afterEach(async () => {
    await Promise.all(backends.map(backend => backend[Symbol.asyncDispose]()))
  })

  const open = async (affinity: AffinityOptions, listener: Partial<ListenerOptions> = {}): Promise<Rig> =>
    await Rig.open(pair, {
      backends,
      pool: { affinity, boundedLoad: 'off' },
      listener: { peek: PATIENT, ...listener },
    })

  /** Every byte comes back: the head went on as it was, however it was split. */
  async function visit(rig: Rig, parts: readonly Buffer[], localAddress = '127.0.0.1'): Promise<void> {
    const client = await rig.connect({ localAddress })
    for (const part of parts) await client.send(part)
    const all = Buffer.concat(parts)
    expect((await client.read(all.length)).equals(all)).to.equal(true)
    client.destroy()
  }

  const say = async (rig: Rig, text: string): Promise<void> => await visit(rig, [Buffer.from(text)])
  const homeOf = (rig: Rig, key: string): string => rig.balancer.pool().explain(Buffer.from(key)).home ?? ''
  const pinOf = (rig: Rig, key: string | Buffer): string | undefined => rig.balancer.pool().explain(key).pin?.backend
  const served = (): string[] => backends.filter(backend => backend.accepted > 0).map(({ name }) => name)

  it('are asked for the key, which all addresses share, and the relay carries on', async () => {
    await using rig = await open({ key: idOfLine, fallback: 'refuse' })
    for (const n of [1, 2, 3]) await visit(rig, [Buffer.from('id ann\nhello')], clientAddress(n))
    expect(served()).to.deep.equal([homeOf(rig, 'ann')])
    expect(pinOf(rig, Buffer.from('ann'))).to.equal(homeOf(rig, 'ann'))
    await rig.causes(3)
    expect(rig.closes.map(({ relay }) => relay)).to.deep.equal([pair.relay, pair.relay, pair.relay])
    expect([rig.counters.keyFound, rig.counters.keyFailed, rig.counters.accepted]).to.deep.equal([3, 0, 3])
    await rig.settle()
  })

  it('find the same key at every split of the bytes', async () => {
    const head = Buffer.from('id ann\nrest')
    await using rig = await open({ key: idOfLine, fallback: 'refuse' })
    for (let at = 1; at < head.length; at++) await visit(rig, [head.subarray(0, at), head.subarray(at)])
    await visit(
      rig,
      [...head].map(byte => Buffer.from([byte])),
    )
    expect(served()).to.deep.equal([homeOf(rig, 'ann')])
    expect(rig.counters.keyFound).to.equal(head.length)
    await rig.settle()
  })

  it('are told of the connection, and what they do to the bytes changes nothing', async () => {
    const told: KeyConnection[] = []
    await using rig = await open({
      key: (head, connection) => {
        told.push(connection)
        head.fill(0)
        return 'x'
      },
    })
    await say(rig, 'hello')
    expect(told).to.have.length(1)
    expect(told[0]).to.deep.include({ clientAddress: '127.0.0.1', listener: 'l', pool: rig.pool })
    expect(told[0]?.clientPort).to.be.a('number')
    expect(Object.isFrozen(told[0])).to.equal(true)
  })

  it('stand in a list with others, each waited for while it can yield', async () => {
    await using rig = await open({ key: ['tls.sni', idOfLine, async () => undefined, 'http.path', 'source'] })
    await visit(rig, [clientHello({ serverName: 'ann.example' })])
    await say(rig, 'id ann\n')
    await say(rig, 'GET /room HTTP/1.1\r\n\r\n')
    await say(rig, 'SSH-2.0-x\r\n')
    for (const key of ['ann.example', 'ann', '/room']) expect(pinOf(rig, Buffer.from(key)), key).to.be.a('string')
    expect(pinOf(rig, '127.0.0.1')).to.be.a('string')
    expect([rig.counters.keyFound, rig.counters.keyMissing]).to.deep.equal([3, 1])
  })

  it('stand beside tokens that name a backend: it is gone to, and no byte is waited for', async () => {
    await using rig = await open({ key: [idOfLine, 'rdp.token', () => 'more', () => 'ann'], fallback: 'refuse' })
    for (const { name, port } of backends) {
      const request = rdpRequest(routingToken('127.0.0.1', port))
      await visit(rig, [request.subarray(0, 9), request.subarray(9)])
      expect((await rig.causes(rig.counters.keyFound)).length).to.be.greaterThan(0)
      expect(rig.closes.at(-1)).to.include({ backend: name, reason: 'cookie', relay: pair.relay })
    }
    expect(rig.counters.keyFound).to.equal(backends.length)
    await rig.settle()
  })

  it('are regular expressions as well, whose match ends where nothing that follows can change it', async () => {
    const key = [{ regex: '/^id=(\\w+)/', bytes: 64 }, { regex: /user (\w+)$/m }, 'source'] as const
    await using rig = await open({ key: [...key] })
    const head = Buffer.from('id=ann;hello')
    for (let at = 1; at < head.length; at++) await visit(rig, [head.subarray(0, at), head.subarray(at)])
    await say(rig, 'user bob\nhello')
    const ended = await rig.connect()
    await ended.send('user eve')
    ended.finish()
    expect(String(await ended.read(8))).to.equal('user eve')
    for (const found of ['ann', 'bob', 'eve']) expect(pinOf(rig, Buffer.from(found)), found).to.be.a('string')
    for (const other of ['a', 'an']) expect(pinOf(rig, Buffer.from(other)), other).to.equal(undefined)
    expect(rig.counters.keyFound).to.equal(head.length + 1)
  })

  it('may say a key "more" in bytes, and one of 64 KiB', async () => {
    const most = Buffer.alloc(65_536, 'k')
    await using rig = await open({ key: head => (head[0] === 0x6d ? Buffer.from('more') : most), fallback: 'refuse' })
    await say(rig, 'm')
    await say(rig, 'x')
    expect(pinOf(rig, Buffer.from('more'))).to.be.a('string')
    expect(pinOf(rig, most)).to.be.a('string')
  })

  it('have no key where it is empty, whatever kind of empty', async () => {
    await using rig = await open({ key: head => (head[0] === 0x73 ? '' : Buffer.alloc(0)), fallback: 'refuse' })
    for (const text of ['s', 'b']) await (await rig.connect()).send(text)
    expect(await rig.causes(2)).to.deep.equal(['refusedNoKey', 'refusedNoKey'])
    expect([rig.counters.keyMissing, rig.counters.keyFailed]).to.deep.equal([2, 0])
    await rig.settle()
  })

  it('spread clients without a key where that is wanted', async () => {
    await using rig = await open({ key: idOfLine, fallback: 'random' })
    const clients = []
    for (let n = 0; n < 3; n++) {
      const client = await rig.connect()
      expect(await client.echo('no key\n')).to.equal('no key\n')
      clients.push(client)
    }
    expect(served()).to.have.length(3)
    expect(pinOf(rig, '127.0.0.1')).to.equal(undefined)
    for (const client of clients) client.destroy()
    expect((await rig.causes(3)).length).to.equal(3)
    expect(rig.closes.map(({ reason }) => reason)).to.deep.equal(['nokey', 'nokey', 'nokey'])
    await rig.settle()
  })

  const FAULTS: [what: string, key: KeyFunction][] = [
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    [
      'throws what has no text',
      () => {
        throw Object.create(null)
      },
    ],
    ['rejects', async () => await Promise.reject(new Error('no'))],
    ['answers a number', () => 7 as unknown as string],
    ['answers null', () => null as unknown as string],
    ['answers a number late', async () => 7 as unknown as string],
    ['answers a key of more than 64 KiB', () => Buffer.alloc(65_537)],
    ['answers a text of more than 64 KiB', () => 'ä'.repeat(33_000)],
    [
      'answers what only looks like a promise',
      () =>
        ({
          // biome-ignore lint/suspicious/noThenProperty: that is what is tried
          then: () => {
            throw new Error('no')
          },
        }) as unknown as Promise<string>,
    ],
  ]
  for (const [what, key] of FAULTS) {
    it(`go by the next source where one ${what}`, async () => {
      await using rig = await open({ key: [key, idOfLine] })
      await say(rig, 'id ann\n')
      await say(rig, 'none\n')
      expect(pinOf(rig, Buffer.from('ann'))).to.be.a('string')
      expect(pinOf(rig, '127.0.0.1')).to.be.a('string')
      const { keyFailed, keyFound, keyMissing } = rig.counters
      expect([keyFailed, keyFound, keyMissing]).to.deep.equal([2, 1, 1])
    })
  }

  it('hold up nobody but their own client while they think', async () => {
    const waiting: ((key: string) => void)[] = []
    const slow: KeyFunction = head => {
      return head[0] === 0x73 ? new Promise(resolve => waiting.push(resolve)) : 'quick'
    }
    await using rig = await open({ key: slow, fallback: 'refuse' })
    const client = await rig.connect()
    await client.send('slow')
    await until('the function to be asked', () => waiting.length === 1)
    await say(rig, 'quick')
    // What comes meanwhile is no reason to ask again.
    await client.send('er')
    expect(rig.stats.sessions).to.be.greaterThan(0)
    waiting[0]?.('slow')
    expect(String(await client.read(6))).to.equal('slower')
    expect(waiting).to.have.length(1)
    client.destroy()
    await rig.causes(2)
    await rig.settle()
  })

  it('are given up when the time is over, and what they say then is nothing', async () => {
    const waiting: [(key: string) => void, (error: Error) => void][] = []
    const never: KeyFunction = () => new Promise((resolve, reject) => waiting.push([resolve, reject]))
    await using rig = await open({ key: never }, { peek: { timeout: '20ms' } })
    await say(rig, 'one')
    await say(rig, 'two')
    waiting[0]?.[0]('late')
    waiting[1]?.[1](new Error('late'))
    expect(pinOf(rig, '127.0.0.1')).to.be.a('string')
    expect([rig.counters.keyLate, rig.counters.keyFailed]).to.deep.equal([2, 2])
    await rig.causes(2)
    await rig.settle()
  })

  it('are not asked for more when the client has ended, or the limit is reached', async () => {
    await using rig = await open({ key: () => 'more' }, { peek: { ...PATIENT, bytes: 16 } })
    const ended = await rig.connect()
    await ended.send('short')
    ended.finish()
    expect(String(await ended.read(5))).to.equal('short')
    await visit(rig, [Buffer.alloc(100_000, 'x')])
    expect([rig.counters.keyMissing, rig.counters.keyTooFar]).to.deep.equal([1, 1])
    ended.destroy()
    await rig.causes(2)
    await rig.settle()
  })

  it('count their clients for maxSessions, and show them, from the start', async () => {
    await using rig = await open({ key: idOfLine }, { maxSessions: 1 })
    const first = await rig.connect()
    await first.send('id ')
    await until('it to be counted', () => rig.stats.sessions === 1)
    const infos = []
    for await (const info of rig.balancer.sessions()) infos.push(info)
    expect(infos.map(({ state, backend }) => [state, backend])).to.deep.equal([['connecting', undefined]])
    await rig.connect()
    await until('the second one to be refused', () => rig.counters.refusedMaxSessions === 1)
    await first.send('ann\n')
    expect(String(await first.read(7))).to.equal('id ann\n')
    await rig.connect()
    await until('the third one to be refused', () => rig.counters.refusedMaxSessions === 2)
    first.destroy()
    await until('it to end', () => rig.stats.sessions === 0)
    await say(rig, 'id ann\n')
  })

  it('are asked about sockets of another server, whatever these have read already', async () => {
    await using rig = await open({ key: idOfLine, fallback: 'refuse' })
    const server = createServer(socket => {
      // Some bytes are there before it is handed over, some come later.
      socket.once('readable', () => setImmediate(() => rig.balancer.handle(socket, { listener: 'l' })))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const client = await Conn.open(toDial(server.address()))
    await client.send('id a')
    await until('it to be handed over', () => rig.counters.accepted === 1)
    await client.send('nn\n')
    const rest = client.sendPattern(1, 300_000)
    expect(String(await client.read(7))).to.equal('id ann\n')
    await Promise.all([rest, client.read(300_000)])
    expect(pinOf(rig, Buffer.from('ann'))).to.equal(homeOf(rig, 'ann'))
    client.destroy()
    await rig.causes(1)
    expect(rig.closes.map(({ relay }) => relay)).to.deep.equal([pair.relay])
    server.close()
    await rig.settle()
  })

  it('keep nothing of clients that leave, or that are cut, before their key has come', async () => {
    let asked = 0
    const key: KeyFunction = () => {
      asked++
      return 'more'
    }
    await using rig = await open({ key })
    const gone = await rig.connect()
    await gone.send('id ')
    await until('the function to be asked', () => asked === 1)
    gone.reset()
    expect(await rig.causes(1)).to.deep.equal(['endClientGone'])
    await rig.settle()
    const cut = await rig.connect()
    await cut.send('id ')
    await until('the function to be asked again', () => asked === 2)
    await rig.balancer.destroy()
    expect((await rig.causes(2))[1]).to.equal('endShutdown')
  })
})
