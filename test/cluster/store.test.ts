import { inspect } from 'node:util'
import { expect } from 'chai'
import { type Agreement, agreementDigest } from '../../src/cluster/members/agreement.ts'
import { StoreKeys } from '../../src/cluster/store/store-keys.ts'
import { Directory } from '../helpers/directory.ts'
import { Conn, toDial } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisClient, RedisServer } from '../helpers/redis.ts'
import { Backend } from '../helpers/servers.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { client, Member, type MemberSettings, NAMES } from './members.ts'

const PASSWORD = 'p@ss:word/of%tests'
const SHORT = { stickTable: { size: 10_000, ttl: '1s' } }
const keys = new StoreKeys({ prefix: 'limpet', name: 'default' }, 1)

describe('balancers that share exceptions through a server', function () {
  this.timeout(TEST_MS)
  let directory: Directory
  let program: string
  let server: RedisServer
  const members: Member[] = []

  before(async function () {
    program = requirePeer(this, 'redis-server')
    directory = await Directory.make()
  })

  beforeEach(async () => {
    server ??= await RedisServer.bare(program, [])
    await server.command('FLUSHALL')
  })

  afterEach(async () => {
    await Promise.all(members.splice(0).map(member => member[Symbol.asyncDispose]()))
  })

  after(async () => {
    await server?.[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  const url = (): string => `redis://${server.address}`

  async function start(settings?: MemberSettings, at = url()): Promise<Member> {
    const member = Member.make(at, settings)
    members.push(member)
    await member.balancer.listen()
    return member
  }

  function expectAll(member: Member, pins: ReadonlyMap<string, string>): void {
    expect(Object.fromEntries([...pins.keys()].map(address => [address, member.visit(address)]))).to.deep.equal(
      Object.fromEntries(pins),
    )
  }

  /** One server that is another one's than that of the other tests. */
  async function own<T>(settings: readonly string[], test: (one: RedisServer) => Promise<T>): Promise<T> {
    await using one = await RedisServer.bare(program, settings)
    return await test(one)
  }

  it('know those of others before the first client, and soon those that are new', async () => {
    const one = await start()
    const early = one.pinAway(500)
    await one.told(500)
    const other = await start()
    expectAll(other, early)
    const late = one.pinAway(500, 500)
    await other.adopted(1000)
    expectAll(other, late)
    expect(other.status.members.map(({ isLive, differences }) => ({ isLive, differences }))).to.deep.equal([
      { isLive: true, differences: [] },
    ])
  })

  it('forget what has ended, where it is still so', async () => {
    const [one, other] = [await start(), await start()]
    one.pinAway(2)
    await other.adopted(2)
    one.pool.table.delete(client(0))
    await other.becomes('one that is forgotten', ({ adopted }) => adopted.forgotten === 1)
    expect(other.visit(client(0))).to.equal(other.pool.explain(client(0)).home)
    expect(await server.command('DBSIZE')).to.equal(1 + 4)
  })

  it('follow whoever was first, and leave sessions where they are', async () => {
    const [one, other] = [await start(), await start()]
    const address = client(1)
    const { home } = one.pool.explain(address)
    const [first = '', second = ''] = NAMES.filter(name => name !== home)
    one.pool.table.set(address, first)
    other.pool.table.set(address, second)
    const held = [one, other].map(member => member.pool.pick(address))
    expect(held.map(({ backend }) => backend)).to.deep.equal([first, second])
    await until('one to have lost', () => one.status.lostRaces + other.status.lostRaces > 0)
    const winner = one.status.lostRaces === 0 ? first : second
    await until('both to follow', () => [one, other].every(member => member.visit(address) === winner))
    for (const member of [one, other])
      expect(Object.values(member.balancer.stats().pools.p?.backends ?? {}).length).to.equal(NAMES.length)
    for (const decision of held) decision.release()
    expect([one.visit(address), other.visit(address)]).to.deep.equal([winner, winner])
  })

  it('replace one that leads to a backend that is gone', async () => {
    const one = await start()
    const address = client(1)
    const { home } = one.pool.explain(address)
    const [gone = '', next = ''] = NAMES.filter(name => name !== home)
    one.pool.table.set(address, gone)
    await one.told(1)
    one.pool.remove(gone)
    const away = one.pool.explain(address).home === next ? NAMES.find(name => ![gone, next].includes(name)) : next
    one.pool.table.set(address, away ?? '')
    await one.told(2)
    const [pin = ''] = (await server.command('KEYS', keys.pins)) as string[]
    expect(await server.command('GET', pin)).to.equal(away)
  })

  it('know for pools and backends that come later what was told before', async () => {
    const [one, other] = [await start(), await start()]
    other.pool.remove('d')
    const pins = one.pinAway(400)
    await other.becomes('backends that are unknown', ({ adopted }) => adopted.stored + adopted.unknown >= 400)
    other.pool.add({ name: 'd', address: '127.0.0.1:9004' })
    await until('all to be known', () =>
      [...pins].every(([address, name]) => other.pool.table.get(address)?.backend === name),
    )
  })

  it('keep those that are in use, and no others', async () => {
    const one = await start({ pool: SHORT })
    one.pinAway(2)
    const decision = one.pool.pick(client(0))
    await one.told(2)
    await until('the unused one to expire', async () => (await server.command('DBSIZE')) === 1 + 4)
    const renewed = one.status.published
    await one.becomes('some renewals', ({ published }) => published >= renewed + 4)
    expect(await server.command('DBSIZE')).to.equal(1 + 4)
    decision.release()
    await until('it to expire', async () => (await server.command('DBSIZE')) === 4)
  })

  it('tell everything again to a store that lost it, also what a dead one told', async () => {
    const [one, dead] = [await start(), await start()]
    const pins = new Map([...one.pinAway(100), ...dead.pinAway(100, 100)])
    await one.adopted(100)
    await dead.balancer.close()
    await server.command('FLUSHALL')
    const found = async (): Promise<number> => ((await server.command('KEYS', keys.pins)) as string[]).length
    await until('all to be there', async () => (await found()) === 200)
    const third = await start()
    expectAll(third, pins)
  })

  it('do so where it was away meanwhile', async () => {
    const { port } = await own([], async first => {
      const one = await start({}, `redis://${first.address}`)
      const other = await start({}, `redis://${first.address}`)
      one.pinAway(100)
      await other.adopted(100)
      await one.balancer.close()
      await first.kill()
      await other.becomes('away', ({ isSynced, error }) => !isSynced && error !== undefined)
      expect(other.visit(client(5))).to.not.equal(other.pool.explain(client(5)).home)
      return first
    })
    await using second = await RedisServer.bare(program, [], port)
    const found = async (): Promise<number> => ((await second.command('KEYS', keys.pins)) as string[]).length
    await until('all to be there', async () => (await found()) === 100)
  })

  it('read everything where the stream was trimmed before they came to it', async () => {
    const [one, other] = [await start(), await start()]
    one.pinAway(1, 5000)
    await other.adopted(1)
    const pins = one.pinAway(3000)
    await one.told(3000)
    await server.command('XTRIM', keys.changes(0), 'MAXLEN', '100')
    await until('all to be known', () =>
      [...pins].every(([address, name]) => other.pool.table.get(address)?.backend === name),
    )
  })

  it('do not wait for one that says nothing', async () => {
    await own([], async silent => {
      const one = await start({}, `redis://${silent.address}`)
      await one.becomes('there', ({ isSynced }) => isSynced)
      silent.freeze(true)
      const began = performance.now()
      const late = await start({ cluster: { startTimeout: '100ms' } }, `redis://${silent.address}`)
      expect(late.visit(client(1))).to.equal(late.pool.explain(client(1)).home)
      const pins = one.pinAway(50)
      await one.becomes('away', ({ isSynced, error }) => !isSynced && /no answer/.test(error ?? ''))
      await late.balancer.close()
      silent.freeze(false)
      await one.told(50)
      const third = await start({}, `redis://${silent.address}`)
      expectAll(third, pins)
      silent.freeze(true)
      await one.balancer.close()
      // Some turns of two seconds, and no minute.
      expect(performance.now() - began).to.be.below(TEST_MS / 3)
      silent.freeze(false)
    })
  })

  it('say what is wrong, and never the password', async () => {
    await own(['--requirepass', PASSWORD], async locked => {
      await using admin = await authenticated(locked)
      await admin.command('ACL', 'SETUSER', 'reader', 'on', '>reader-password', '~limpet:*', '+@read', '+@connection')
      const encoded = encodeURIComponent(PASSWORD)
      const wrong = {
        [`redis://${locked.address}`]: /NOAUTH/,
        [`redis://:another-password@${locked.address}`]: /WRONGPASS|invalid/,
        [`redis://nobody:${encoded}@${locked.address}`]: /WRONGPASS/,
        [`redis://reader:reader-password@${locked.address}`]: /NOPERM|no permissions/i,
      }
      for (const [at, error] of Object.entries(wrong)) {
        const member = await start({ cluster: { startTimeout: '10ms' } }, at)
        await member.becomes(`${error}`, status => error.test(status.error ?? ''))
        const shown = inspect(member.balancer, { depth: 9 }) + JSON.stringify(member.balancer.stats())
        expect(shown).to.not.match(/another-password|reader-password|p@ss|p%40ss/)
      }
      // What docs/cluster.md says that a user needs.
      const needed = ['~limpet:*', '+@read', '+@write', '+@connection', '+eval', '+evalsha', '+time']
      await admin.command('ACL', 'SETUSER', 'limpet', 'on', '>limpet-password', ...needed)
      const right = await start({}, `redis://:${encoded}@${locked.address}`)
      const restricted = await start({}, `redis://limpet:limpet-password@${locked.address}`)
      const pins = restricted.pinAway(10)
      await right.adopted(10)
      expectAll(right, pins)
      right.pinAway(1, 10)
      await restricted.adopted(1)
      restricted.pool.table.delete(client(0))
      await right.becomes('one that is forgotten', ({ adopted }) => adopted.forgotten === 1)
      expect(restricted.status.error).to.equal(undefined)
    })
  })

  it('tell a full store later, and read what it has', async () => {
    await own([], async full => {
      const [one, other] = [await start({}, `redis://${full.address}`), await start({}, `redis://${full.address}`)]
      await full.command('CONFIG', 'SET', 'maxmemory', '1')
      const pins = one.pinAway(20)
      await one.becomes('refusals', ({ refused, error }) => refused >= 20 && /OOM/.test(error ?? ''))
      expect(one.status.isSynced).to.equal(true)
      const late = await start({}, `redis://${full.address}`)
      expect(late.status.isSynced).to.equal(true)
      await full.command('CONFIG', 'SET', 'maxmemory', '0')
      await other.adopted(20)
      expectAll(other, pins)
      await one.becomes('no error', ({ error }) => error === undefined)
    })
  })

  it('leave one that has become a replica', async () => {
    await own([], async primary => {
      const one = await start({}, `redis://${primary.address}`)
      await one.becomes('there', ({ isSynced }) => isSynced)
      await primary.command('REPLICAOF', '127.0.0.1', String(server.port))
      await one.becomes('away', ({ isSynced, error }) => !isSynced && error !== undefined)
      await primary.command('REPLICAOF', 'NO', 'ONE')
      await one.becomes('there again', ({ isSynced, error }) => isSynced && error === undefined)
    })
  })

  it('bear what else is under their keys', async () => {
    const pin = keys.pin('p', 'A'.repeat(22))
    await server.command('LPUSH', pin, 'x')
    await server.command('SET', keys.pin('p', 'B'.repeat(22)), 'y'.repeat(1_000_000))
    await server.command('SET', keys.pin('p', 'C'.repeat(22)), 'a', 'PX', '60000')
    await server.command('SET', `limpet:{default:77}:pin:p:${'D'.repeat(22)}`, 'a', 'PX', '60000')
    await server.command(
      'HSET',
      keys.members,
      'x',
      'no time',
      'y',
      '1e99 {}',
      'z',
      `99999999999999 ${'z'.repeat(9000)}`,
    )
    await server.command('HSET', keys.members, 'v', '99999999999999 {', 'w', '99999999999999 {"name":1}')
    const [one, other] = [await start(), await start()]
    for (const fields of [['by'], ['by', 'x', 'pool', 'p', 'key', '', 'backend', 'a', 'ttl', 'NaN']])
      await server.command('XADD', keys.changes(0), '*', ...fields, ...(fields.length % 2 === 1 ? [''] : []))
    one.pinAway(10)
    await other.adopted(10)
    expect(other.status.members).to.have.length(1)
    const odd = {
      p: { digest: 'd', placement: '', prefixes: '', hotKey: '', backends: [null] },
    } as unknown as Agreement
    await server.command('HSET', keys.details, 'u', JSON.stringify(odd))
    const said = { name: 'u', version: '', digest: agreementDigest(odd) }
    await server.command('HSET', keys.members, 'u', `99999999999999 ${JSON.stringify(said)}`)
    await other.becomes('a member of whom nothing is known', ({ members }) => members.length === 2)
    expect(other.status.error).to.equal(undefined)
    await server.command('DEL', keys.members)
    await server.command('SET', keys.members, 'x')
    await other.becomes('a complaint', ({ error }) => /WRONGTYPE/.test(error ?? ''))
    one.pinAway(10, 10)
    await other.adopted(20)
    await server.command('DEL', keys.members)
    await other.becomes('no complaint', ({ error }) => error === undefined)
  })

  it('leave nothing in it of those that have died', async () => {
    await start()
    await server.command('HSET', keys.details, 'dead', '{}')
    await server.command('HSET', keys.members, 'dead', '1 {}')
    await until('it is forgotten', async () => (await server.command('HEXISTS', keys.details, 'dead')) === 0)
    for (const key of [keys.members, keys.details, keys.loads])
      expect(await server.command('PTTL', key), key).to.not.equal(-1)
  })

  it('show nothing of addresses, and read nothing of another secret', async () => {
    const watcher = await RedisClient.open({ host: '127.0.0.1', port: server.port })
    await watcher.command('MONITOR')
    let seen = ''
    watcher.conn.socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1')
    })
    const one = await start()
    const stranger = await start({ pool: { secret: 'another secret' } })
    one.pinAway(200)
    await stranger.becomes('unknown ones', ({ adopted }) => adopted.unknown >= 200)
    expect(stranger.status.adopted.stored).to.equal(0)
    stranger.pinAway(200)
    await one.becomes('unknown ones', ({ adopted }) => adopted.unknown >= 200)
    await until('a difference to be told', () =>
      one.status.members.some(({ differences }) => differences.includes('pool p: another secret')),
    )
    watcher.close()
    expect(seen).to.include(':pin:p:')
    expect(seen.replaceAll('127.0.0.1', '')).to.not.match(/\b10\.0\.\d/)
  })

  it('of other names share nothing', async () => {
    const one = await start({ cluster: { name: 'x' } })
    const other = await start({ cluster: { name: 'x:y' } })
    one.pinAway(5)
    other.pinAway(7, 100)
    await Promise.all([one.told(5), other.told(7)])
    const third = await start({ cluster: { name: 'x' } })
    expect(third.status.adopted.stored).to.equal(5)
    expect(third.status.adopted.unknown).to.equal(0)
    expect(third.status.members).to.have.length(1)
  })

  it('tell their last words', async () => {
    const one = await start()
    const pins = one.pinAway(300)
    await one.balancer.close()
    const other = await start()
    expectAll(other, pins)
    expect(other.status.members).to.deep.equal([])
  })

  it('know nothing of others any more once they have closed, also where they did not come to listen', async () => {
    const listeners = [{ name: 'l', bind: server.address, pool: 'p' }]
    const one = Member.make(url(), { options: { listeners } })
    members.push(one)
    await one.balancer.listen().then(
      () => expect.fail('the port is taken'),
      () => undefined,
    )
    expect(one.status).to.include({ isSynced: false, resyncs: 1 })
  })

  it('serve clients while the store says nothing', async () => {
    await own([], async silent => {
      await using backend = await Backend.start()
      const one = await start(
        {
          pool: { backends: [{ name: 'a', address: backend.address }] },
          options: { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }] },
        },
        `redis://${silent.address}`,
      )
      await one.becomes('there', ({ isSynced }) => isSynced)
      silent.freeze(true)
      for (let round = 0; round < 50; round++) {
        const conn = await Conn.open(toDial(one.balancer.address('l')))
        expect(await conn.echo(`${round}`)).to.equal(`${round}`)
        conn.destroy()
      }
      silent.freeze(false)
    })
  })
})

async function authenticated(server: RedisServer): Promise<RedisClient & AsyncDisposable> {
  const opened = await RedisClient.open({ host: '127.0.0.1', port: server.port })
  await opened.command('AUTH', PASSWORD)
  return Object.assign(opened, { [Symbol.asyncDispose]: async () => opened.close() })
}
