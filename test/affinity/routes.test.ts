import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { clientHello } from '../../src/bench/keys/heads.ts'
import type { Balancer, BalancerOptions, ListenerOptions, RouteOptions, SessionClosed } from '../../src/index.ts'
import { followSessions } from '../helpers/follow.ts'
import { type Conn, type Dial, freePort, toDial } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { type Backends, echo, startBackends } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'
import { ended, NAMES, Opened, routedOptions } from './routed.ts'

const BY_NAME: RouteOptions[] = [{ sni: 'a.example', pool: 'a' }, { sni: '*.B.Example', pool: 'b' }, { pool: 'rest' }]

forEachRelay('routes', pair => {
  let backends: Backends
  const opened = new Opened()

  beforeEach(async () => {
    backends = await startBackends(NAMES, echo)
  })
  afterEach(async () => {
    await opened.close()
    await backends[Symbol.asyncDispose]()
  })

  const optionsOf = (
    route: RouteOptions[],
    listener: Partial<ListenerOptions> = {},
    pools: Record<string, object> = {},
  ): BalancerOptions => routedOptions(backends, route, { ...pair.listener, ...listener }, pools)
  const open = (...settings: Parameters<typeof optionsOf>): Promise<Balancer> => opened.open(optionsOf(...settings))
  const connect = (balancer: Balancer, from: Dial = {}): Promise<Conn> => opened.connect(balancer, from)

  const counts = (): number[] => backends.all.map(({ accepted }) => accepted)

  /** Says it, and gets it back: from whom? */
  async function servedBy(balancer: Balancer, head: Buffer | string, isBytewise = false): Promise<string | undefined> {
    const before = counts()
    const conn = await connect(balancer)
    const bytes = Buffer.from(head)
    for (const part of isBytewise ? bytes : [bytes]) await conn.send(isBytewise ? Buffer.from([Number(part)]) : bytes)
    expect((await conn.read(bytes.length)).equals(bytes), 'every byte comes back').to.equal(true)
    conn.destroy()
    const served = counts().flatMap((count, at) => (count > (before[at] ?? 0) ? [NAMES[at]] : []))
    expect(served, 'backends that were asked').to.have.lengthOf(1)
    return served[0]
  }

  it('go by the name of the server, at once and byte by byte', async () => {
    const balancer = await open(BY_NAME)
    for (const isBytewise of [false, true]) {
      for (const [serverName, pool] of [
        ['a.example', 'a'],
        ['A.Example', 'a'],
        ['x.b.example', 'b'],
        ['y.x.b.example', 'b'],
        ['b.example', 'rest'],
        ['other', 'rest'],
      ] as const) {
        expect(await servedBy(balancer, clientHello({ serverName }), isBytewise), serverName).to.equal(pool)
      }
    }
    await ended(balancer)
    expect(balancer.stats().counters).to.include({ keyFound: 0, keyMissing: 0, refusedNoRoute: 0 })
  })

  it('go by the protocols that are offered, and by several conditions at once', async () => {
    const balancer = await open([
      { sni: 'x.example', alpn: 'h2', pool: 'a' },
      { alpn: 'h2', pool: 'b' },
      { pool: 'rest' },
    ])
    const by = async (hello: Parameters<typeof clientHello>[0]): Promise<string | undefined> =>
      await servedBy(balancer, clientHello(hello))
    expect(await by({ serverName: 'x.example', protocols: ['http/1.1', 'h2'] })).to.equal('a')
    expect(await by({ protocols: ['http/1.1', 'h2'] })).to.equal('b')
    expect(await by({ serverName: 'x.example', protocols: ['http/1.1'] })).to.equal('rest')
  })

  it('go by the port without a word of the client', async () => {
    const port = await freePort()
    const bind = `127.0.0.1:${port}`
    const here = await open([{ port, pool: 'a' }, { pool: 'rest' }], { bind })
    await connect(here)
    await until('it to be served', () => backends.all[0]?.accepted === 1)
    const elsewhere = await open([{ port, pool: 'a' }, { pool: 'rest' }])
    await connect(elsewhere)
    await until('it to be served', () => backends.all[2]?.accepted === 1)
  })

  it('send what is no TLS to the rest at once, and who says nothing when the time is over', async () => {
    const balancer = await open(BY_NAME)
    expect(await servedBy(balancer, 'GET /')).to.equal('rest')
    const hasty = await open(BY_NAME, { peek: { timeout: '20ms' } })
    const silent = await connect(hasty)
    await until('it to be served', () => backends.all[2]?.accepted === 2)
    expect(await silent.echo('late')).to.equal('late')
  })

  it('close and count clients for whom there is none', async () => {
    const balancer = await open(BY_NAME.slice(0, 2))
    await using told = followSessions('l')
    const conn = await connect(balancer)
    await conn.send(clientHello({ serverName: 'other' }))
    expect(await conn.over()).to.be.oneOf(['end', 'reset'])
    const [session] = await told.closed(1)
    expect(session).to.include({
      cause: 'refusedNoRoute',
      pool: '',
      backend: undefined,
    } satisfies Partial<SessionClosed>)
    expect(balancer.stats().counters.refusedNoRoute).to.equal(1)
    expect(counts()).to.deep.equal([0, 0, 0])
    await ended(balancer)
  })

  it('are told: in records, among the live sessions, and in figures', async () => {
    const balancer = await open(BY_NAME)
    await using told = followSessions('l')
    const silent = await connect(balancer)
    const conn = await connect(balancer)
    await conn.send(clientHello({ serverName: 'x.b.example' }))
    const pools = async (filter = {}): Promise<string[]> => {
      const found = []
      for await (const { pool, state } of balancer.sessions(filter)) found.push(`${pool} ${state}`)
      return found.sort()
    }
    await until('both to be seen', async () => (await pools()).join() === ' connecting,b open')
    expect(await pools({ pool: 'b' })).to.deep.equal(['b open'])
    expect(await pools({ pool: 'rest' })).to.deep.equal([])
    const { listeners, pools: figures } = balancer.stats()
    expect(listeners.l).to.deep.include({ pools: NAMES, sessions: 2 })
    expect(figures.b?.backends[0]?.sessions).to.equal(1)
    for (const one of [conn, silent]) one.reset()
    const closed = await told.closed(2)
    expect(closed.map(({ pool }) => pool).sort()).to.deep.equal(['', 'b'])
  })

  it('lead to a pool whose keys are made by code, in the stream relay', async () => {
    const key = (head: Buffer): Buffer | undefined => head.subarray(-4)
    const affinity = { key, fallback: 'refuse' }
    // The threads of the native acceptor run no code.
    const balancer = await open(BY_NAME, { acceptor: 'net' }, { rest: { affinity } })
    expect(await servedBy(balancer, clientHello({ serverName: 'a.example' }))).to.equal('a')
    expect(await servedBy(balancer, 'GET /key')).to.equal('rest')
    expect(balancer.pool('rest').explain(Buffer.from('/key')).pin?.backend).to.equal('rest')
    await ended(balancer)
    expect(balancer.stats().counters).to.include({ keyFound: 1, opened: 2 })
  })

  it('look once for the pool and for its key', async () => {
    const affinity = { key: 'tls.sni', fallback: 'refuse' }
    const balancer = await open(BY_NAME, {}, { a: { affinity } })
    expect(await servedBy(balancer, clientHello({ serverName: 'a.example' }), true)).to.equal('a')
    expect(balancer.pool('a').explain(Buffer.from('a.example')).pin?.backend).to.equal('a')
    expect(await servedBy(balancer, clientHello({ serverName: 'x.b.example' }))).to.equal('b')
    expect(balancer.pool('b').explain('127.0.0.1').pin?.backend).to.equal('b')
    expect(balancer.stats().counters).to.include({ keyFound: 1, keyMissing: 0 })
  })

  it('bring the time limits and the tries of their pool', async () => {
    const balancer = await open([...BY_NAME], {}, { b: { timeouts: { idle: '50ms' } }, a: { retries: 0 } })
    await using told = followSessions('l')
    const stays = await connect(balancer)
    await stays.send('x')
    const goes = await connect(balancer)
    await goes.send(clientHello({ serverName: 'x.b.example' }))
    const [idle] = await told.closed(1)
    expect(idle).to.include({ cause: 'endIdleTimeout', pool: 'b' })
    expect(balancer.stats().sessions).to.equal(1)
    balancer.pool('a').update('a', { address: `127.0.0.1:${await freePort()}` })
    const refused = await connect(balancer)
    await refused.send(clientHello({ serverName: 'a.example' }))
    expect((await told.closed(2))[1]).to.include({ cause: 'refusedNoBackend', pool: 'a' })
    expect(balancer.stats().counters.connectRefused).to.equal(1)
  })

  it('hold for sockets that the program gives to the listener', async () => {
    const balancer = await open(BY_NAME)
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => {
      balancer.handle(socket, { listener: 'l' })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const conn = await connect(balancer, toDial(server.address()))
    const hello = clientHello({ serverName: 'x.b.example' })
    await conn.send(hello)
    expect((await conn.read(hello.length)).equals(hello)).to.equal(true)
    expect(counts()).to.deep.equal([0, 1, 0])
    server.close()
  })

  it('share the limit of the listener', async () => {
    const balancer = await open(BY_NAME, { maxSessions: 2 })
    for (const serverName of ['a.example', 'x.b.example']) {
      const conn = await connect(balancer)
      const hello = clientHello({ serverName })
      await conn.send(hello)
      await conn.read(hello.length)
    }
    const third = await connect(balancer)
    expect(await third.over()).to.be.oneOf(['end', 'reset'])
    expect(balancer.stats().counters.refusedMaxSessions).to.equal(1)
  })

  it('change with a reload, for those who come then', async () => {
    const bind = `127.0.0.1:${await freePort()}`
    const balancer = await open(BY_NAME, { bind })
    const hello = clientHello({ serverName: 'a.example' })
    const [before, halfway] = [await connect(balancer), await connect(balancer)]
    await before.send(hello)
    await before.read(hello.length)
    await halfway.send(hello.subarray(0, 20))
    await until('both to be there', () => balancer.stats().sessions === 2)
    const { settings } = await balancer.reload(optionsOf([{ sni: 'a.example', pool: 'b' }], { bind }))
    expect(settings.map(({ path }) => path)).to.include('listeners.l.route[0].pool')
    expect(await servedBy(balancer, hello)).to.equal('b')
    expect(await before.echo('x')).to.equal('x')
    // It began with the routes of then.
    await halfway.send(hello.subarray(20))
    expect((await halfway.read(hello.length)).equals(hello)).to.equal(true)
    expect(counts()).to.deep.equal([2, 1, 0])
    const one = optionsOf([], { bind, pool: 'rest', route: undefined })
    await balancer.reload(one)
    expect(await servedBy(balancer, 'GET /')).to.equal('rest')
  })

  it('let go of a pool that none leads to any more, when its last client has left', async () => {
    const bind = `127.0.0.1:${await freePort()}`
    const balancer = await open(BY_NAME, { bind })
    const hello = clientHello({ serverName: 'a.example' })
    const halfway = await connect(balancer)
    await halfway.send(hello.subarray(0, 20))
    await until('it to be there', () => balancer.stats().sessions === 1)
    const next = optionsOf(BY_NAME.slice(1), { bind })
    const { a: _, ...pools } = next.pools
    await balancer.reload({ ...next, pools })
    // The pool is there for it still.
    await halfway.send(hello.subarray(20))
    expect((await halfway.read(hello.length)).equals(hello)).to.equal(true)
    expect(await servedBy(balancer, hello)).to.equal('rest')
    halfway.destroy()
    await ended(balancer)
  })
})
