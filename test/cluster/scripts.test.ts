import { expect } from 'chai'
import { END, PUT, PUT_MANY, type StoreScript } from '../../src/cluster/store/scripts.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisClient, RedisServer, type Reply } from '../helpers/redis.ts'

const TTL_MS = 1_800_000
const LENGTH = '1000'

describe('scripts of the store of exceptions, in a Redis server', () => {
  let directory: Directory
  let server: RedisServer
  let client: RedisClient

  before(async function () {
    directory = await Directory.make()
    server = await RedisServer.start(requirePeer(this, 'redis-server'), 'a', directory.path)
    client = await RedisClient.open({ host: '127.0.0.1', port: server.port })
  })

  beforeEach(async () => {
    await client.command('FLUSHALL')
  })

  after(async () => {
    client?.close()
    await server?.[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  async function call({ lua }: StoreScript, ...args: string[]): Promise<Reply> {
    return await client.command('EVAL', lua, '2', 'limpet:{s}:p:k', 'limpet:{s}:stream', ...args)
  }

  const put = async (by: string, backend: string, ttl = TTL_MS, before = ''): Promise<Reply> =>
    await call(PUT, by, backend, String(ttl), before, 'p', 'k', LENGTH)
  const end = async (by: string, backend: string): Promise<Reply> => await call(END, by, backend, 'p', 'k', LENGTH)

  /** What the stream says: who, where, how long. */
  async function told(): Promise<string[]> {
    const entries = (await client.command('XRANGE', 'limpet:{s}:stream', '-', '+')) as [string, string[]][]
    return entries.map(([, fields]) => [fields[1], fields[7], fields[9]].join(' '))
  }

  it('keep what was written first, and tell it to whoever comes second', async () => {
    expect(await put('one', 'a')).to.deep.equal(['a', TTL_MS])
    const [backend, left] = (await put('other', 'b')) as [string, number]
    expect(backend).to.equal('a')
    expect(left).to.be.within(1, TTL_MS)
    expect(await told()).to.deep.equal([`one a ${TTL_MS}`])
  })

  it('move an exception from where it was, and from nowhere else', async () => {
    await put('one', 'a')
    expect(await put('other', 'c', TTL_MS, 'b')).to.include('a')
    expect(await put('other', 'c', TTL_MS, 'a')).to.deep.equal(['c', TTL_MS])
    expect(await told()).to.deep.equal([`one a ${TTL_MS}`, `other c ${TTL_MS}`])
  })

  it('write many at once as each alone would be', async () => {
    await put('one', 'a')
    const [stream, pin] = ['limpet:{s}:stream', 'limpet:{s}:p:']
    const pins = ['b', String(TTL_MS), 'k', 'c', String(TTL_MS), 'l', 'd', String(TTL_MS), 'm']
    const names = [stream, `${pin}k`, `${pin}l`, `${pin}m`]
    const command = ['EVAL', PUT_MANY.lua, String(names.length), ...names, 'other', 'p', LENGTH, ...pins]
    const [first, ...others] = (await client.command(...command)) as [[string, number]]
    expect(first[0]).to.equal('a')
    expect(first[1]).to.be.within(1, TTL_MS)
    expect(others).to.deep.equal([
      ['c', TTL_MS],
      ['d', TTL_MS],
    ])
    expect(await told()).to.deep.equal([`one a ${TTL_MS}`, `other c ${TTL_MS}`, `other d ${TTL_MS}`])
    expect(await client.command('GET', `${pin}m`)).to.equal('d')
    expect(await client.command('PTTL', `${pin}m`)).to.be.within(1, TTL_MS)
  })

  it('lengthen its time, never shorten it, and tell that only where it is much', async () => {
    await put('one', 'a', TTL_MS / 2)
    await put('one', 'a', TTL_MS)
    await put('one', 'a', TTL_MS / 4)
    await put('one', 'a', TTL_MS)
    expect(await client.command('PTTL', 'limpet:{s}:p:k')).to.be.within(TTL_MS / 2 + 1, TTL_MS)
    expect(await told()).to.deep.equal([`one a ${TTL_MS / 2}`, `one a ${TTL_MS}`])
  })

  it('end by compare', async () => {
    await put('one', 'a')
    expect(await end('other', 'b')).to.equal(0)
    expect(await client.command('GET', 'limpet:{s}:p:k')).to.equal('a')
    expect(await end('other', 'a')).to.equal(1)
    expect(await end('other', 'a')).to.equal(0)
    expect(await client.command('GET', 'limpet:{s}:p:k')).to.equal(null)
    expect(await told()).to.deep.equal([`one a ${TTL_MS}`, 'other a 0'])
  })

  it('keep the stream to about its length', async () => {
    for (let at = 0; at < 2000; at++) {
      client.send(
        'EVAL',
        PUT.lua,
        '2',
        `limpet:{s}:p:${at}`,
        'limpet:{s}:stream',
        'one',
        'a',
        '60000',
        '',
        'p',
        'k',
        LENGTH,
      )
    }
    for (let at = 0; at < 2000; at++) await client.next()
    expect(await client.command('XLEN', 'limpet:{s}:stream')).to.be.within(1000, 1200)
  })
})
