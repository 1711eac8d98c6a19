import { expect } from 'chai'
import { Balancer } from '../../src/balancer.ts'
import type { BackendOptions, BalancerOptions, ListenerOptions, PoolOptions } from '../../src/config/options.ts'
import { Conn, type Dial, freePort, toDial } from '../helpers/net.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { named, startBackends } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'
import { afterTest, cleanUp, rejection, startBackend } from './helpers.ts'

type Listener = Partial<ListenerOptions> & { name: string }

async function backendsNamed(...names: string[]): Promise<BackendOptions[]> {
  const backends = await startBackends(names, named)
  afterTest(() => backends[Symbol.asyncDispose]())
  return backends.all.map(({ name, address }) => ({ name, address }))
}

/** Listeners on the loopback address, to the pool `p` if they do not say which. */
function optionsOf(
  pair: RelayPair,
  listeners: readonly Listener[],
  pools: Record<string, PoolOptions>,
  more: Partial<BalancerOptions> = {},
): BalancerOptions {
  const common = { secret: 'a secret of tests', stickTable: { size: 1000 } }
  return {
    listeners: listeners.map(listener => ({ bind: '127.0.0.1:0', pool: 'p', ...pair.listener, ...listener })),
    pools: Object.fromEntries(Object.entries(pools).map(([name, pool]) => [name, { ...common, ...pool }])),
    log: { level: 'silent' },
    ...more,
  }
}

async function listening(options: BalancerOptions): Promise<Balancer> {
  const balancer = new Balancer(options)
  afterTest(() => balancer.destroy())
  await balancer.listen()
  return balancer
}

const dialOf = (balancer: Balancer, listener = 'l'): Dial => toDial(balancer.address(listener))

async function connect(dial: Dial): Promise<Conn> {
  const conn = await Conn.open(dial)
  afterTest(() => conn.destroy())
  return conn
}

/** What a new client is told. */
async function nameAt(dial: Dial): Promise<string> {
  const conn = await connect(dial)
  const name = await conn.line()
  conn.destroy()
  return name
}

async function isRefused(dial: Dial): Promise<boolean> {
  const error = await Conn.open(dial).then(
    conn => conn.destroy(),
    (error: NodeJS.ErrnoException) => error.code,
  )
  return error === 'ECONNREFUSED'
}

const paths = (result: { settings: { path: string; kind: string }[] }): string[] =>
  result.settings.map(({ path, kind }) => `${kind} ${path}`)

forEachRelay('a reload of listeners and pools', pair => {
  afterEach(cleanUp)

  it('adds and removes listeners, whose sessions go on', async () => {
    const backends = await backendsNamed('a')
    const pools = { p: { backends } }
    const balancer = await listening(optionsOf(pair, [{ name: 'l' }, { name: 'm' }], pools))
    const gone = dialOf(balancer, 'm')
    const resident = await connect(gone)
    expect(await resident.line()).to.equal('a')
    const result = await balancer.reload(optionsOf(pair, [{ name: 'l' }, { name: 'n' }], pools))
    expect(paths(result)).to.have.members(['removed listeners.m', 'added listeners.n'])
    expect(await isRefused(gone)).to.equal(true)
    expect(await nameAt(dialOf(balancer, 'n'))).to.equal('a')
    expect(() => balancer.address('m'))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_UNKNOWN_LISTENER')
    expect(await resident.echo('still')).to.equal('still')
    expect(Object.keys(balancer.stats().listeners)).to.deep.equal(['l', 'n'])
    resident.finish()
    expect(await resident.over()).to.equal('end')
    await until('its sessions to end', () => balancer.stats().sessions === 0)
  })

  it('binds another address before it closes the old one, and lets listeners swap theirs', async () => {
    const backends = await backendsNamed('a')
    const [first, second, third] = await Promise.all([freePort(), freePort(), freePort()])
    const [one, two, three] = [first, second, third].map(port => ({ host: '127.0.0.1', port })) as [Dial, Dial, Dial]
    const at = (l: number, m: number): BalancerOptions =>
      optionsOf(
        pair,
        [
          { name: 'l', bind: `127.0.0.1:${l}` },
          { name: 'm', bind: `127.0.0.1:${m}` },
        ],
        { p: { backends } },
      )
    const balancer = await listening(at(first, second))
    const resident = await connect(one)
    await resident.line()
    expect(paths(await balancer.reload(at(third, second)))).to.deep.equal(['changed listeners.l.bind'])
    expect(dialOf(balancer)).to.deep.equal(three)
    expect([await isRefused(one), await nameAt(three)]).to.deep.equal([true, 'a'])
    await balancer.reload(at(second, third))
    expect([dialOf(balancer), dialOf(balancer, 'm')]).to.deep.equal([two, three])
    expect([await nameAt(two), await nameAt(three)]).to.deep.equal(['a', 'a'])
    expect(await resident.echo('still')).to.equal('still')
  })

  it('changes nothing where an address is taken', async () => {
    const backends = await backendsNamed('a', 'b')
    const [a, b] = backends as [BackendOptions, BackendOptions]
    const taken = (await startBackend()).address
    const balancer = await listening(optionsOf(pair, [{ name: 'l' }], { p: { backends: [a] } }))
    const before = balancer.settings()
    const dial = dialOf(balancer)
    const next = optionsOf(
      pair,
      [
        { name: 'l', maxSessions: 7 },
        { name: 'm', bind: taken, pool: 'q' },
      ],
      { p: { backends, retries: 9, boundedLoad: 'off' }, q: { backends } },
      { shutdownTimeout: '1s' },
    )
    const error = await rejection(balancer.reload(next))
    expect(error).to.include({ code: 'EADDRINUSE', listener: 'm' })
    expect(balancer.settings()).to.deep.equal(before)
    expect([balancer.generation, dialOf(balancer)]).to.deep.equal([1, dial])
    expect(() => balancer.pool('q'))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_UNKNOWN_POOL')
    expect(await nameAt(dial)).to.equal('a')
    // And the next one is none the worse for it.
    expect((await balancer.reload(optionsOf(pair, [{ name: 'l' }], { p: { backends: [b] } }))).generation).to.equal(2)
    expect(await nameAt(dial)).to.equal('b')
  })

  it('adds and removes pools, whose sessions go on', async () => {
    const [a, b] = (await backendsNamed('a', 'b')) as [BackendOptions, BackendOptions]
    const balancer = await listening(optionsOf(pair, [{ name: 'l' }], { p: { backends: [a] } }))
    const dial = dialOf(balancer)
    const resident = await connect(dial)
    expect(await resident.line()).to.equal('a')
    const old = balancer.pool('p')
    const result = await balancer.reload(optionsOf(pair, [{ name: 'l', pool: 'q' }], { q: { backends: [b] } }))
    expect(paths(result)).to.have.members(['changed listeners.l.pool', 'added pools.q', 'removed pools.p'])
    expect([result.added, result.removed].map(([change]) => change?.name)).to.deep.equal(['b', 'a'])
    expect(dialOf(balancer)).to.deep.equal(dial)
    expect(await nameAt(dial)).to.equal('b')
    expect(balancer.pool().name).to.equal('q')
    expect(() => old.add({ name: 'c', address: '127.0.0.1:1' }))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_INVALID_STATE')
    expect(await resident.echo('still')).to.equal('still')
    resident.finish()
    expect(await resident.over()).to.equal('end')
    await until('its sessions to end', () => balancer.stats().sessions === 0)
    // The last session has taken the pool with it: not even picks can be made there.
    await until('the pool to be closed', () => {
      try {
        old.pick('192.0.2.1').release()
        return false
      } catch (error) {
        return (error as { code?: string }).code === 'LIMPET_ERR_INVALID_STATE'
      }
    })
    expect((await balancer.reload(optionsOf(pair, [{ name: 'l' }], { p: { backends: [a] } }))).generation).to.equal(3)
    expect(await nameAt(dial)).to.equal('a')
  })

  it('changes whom a listener takes, and how many', async () => {
    const backends = await backendsNamed('a')
    const pools = { p: { backends } }
    const balancer = await listening(optionsOf(pair, [{ name: 'l' }], pools))
    const dial = dialOf(balancer)
    const residents = [await connect(dial), await connect(dial)]
    for (const resident of residents) expect(await resident.line()).to.equal('a')
    const with2 = optionsOf(pair, [{ name: 'l', maxSessions: 3, backlog: 100 }], pools)
    expect(paths(await balancer.reload(with2))).to.have.members([
      'changed listeners.l.maxSessions',
      'changed listeners.l.backlog',
    ])
    const third = await connect(dial)
    expect(await third.line()).to.equal('a')
    await expectClosed(dial)
    expect(balancer.stats()).to.nested.include({ 'counters.refusedMaxSessions': 1, 'listeners.l.sessions': 3 })
    residents[0]?.destroy()
    await until('a place', () => balancer.stats().sessions === 2)
    expect(await nameAt(dial)).to.equal('a')
    await balancer.reload(optionsOf(pair, [{ name: 'l', deny: ['127.0.0.0/8'] }], pools))
    await expectClosed(dial)
    expect(balancer.stats().counters.refusedDenied).to.equal(1)
    expect(await third.echo('still')).to.equal('still')
    await balancer.reload(optionsOf(pair, [{ name: 'l' }], pools))
    expect(await nameAt(dial)).to.equal('a')
  })

  it('gives other timeouts to new sessions only', async () => {
    const backends = await backendsNamed('a')
    const options = (idle: string): BalancerOptions =>
      optionsOf(pair, [{ name: 'l' }], { p: { backends, timeouts: { idle } } })
    const balancer = await listening(options('1h'))
    const old = await connect(dialOf(balancer))
    expect(await old.line()).to.equal('a')
    expect(paths(await balancer.reload(options('100ms')))).to.deep.equal(['changed pools.p.timeouts.idle'])
    const fresh = await connect(dialOf(balancer))
    expect(await fresh.line()).to.equal('a')
    await fresh.over()
    await until('its end', () => balancer.stats().counters.endIdleTimeout === 1)
    expect(await old.echo('still')).to.equal('still')
    expect(balancer.stats().sessions).to.equal(1)
  })

  it('finds sessions by their pool and their listener across reloads', async () => {
    const backends = await backendsNamed('a')
    const options = (retries: number): BalancerOptions => optionsOf(pair, [{ name: 'l' }], { p: { backends, retries } })
    const balancer = await listening(options(1))
    for (const retries of [2, 3, 4]) {
      const conn = await connect(dialOf(balancer))
      expect(await conn.line()).to.equal('a')
      await balancer.reload(options(retries))
    }
    const count = async (filter: object): Promise<number> => {
      let found = 0
      for await (const session of balancer.sessions(filter)) found += session.backend === 'a' ? 1 : 0
      return found
    }
    expect([await count({ pool: 'p' }), await count({ listener: 'l' })]).to.deep.equal([3, 3])
    expect(balancer.stats().listeners.l?.sessions).to.equal(3)
    expect(await balancer.closeSessions({ listener: 'l' })).to.equal(3)
  })
})

async function expectClosed(dial: Dial): Promise<void> {
  const refused = await connect(dial)
  await refused.over()
}

forEachRelay('reloads of everything under load', pair => {
  afterEach(cleanUp)

  it('refuse and reset nobody, whatever the API changes meanwhile', async () => {
    const reloads = rounds(8, 150)
    const [a, b, c] = (await backendsNamed('a', 'b', 'c')) as [BackendOptions, BackendOptions, BackendOptions]
    const port = await freePort()
    // Each of them is another pool, other timeouts, other limits, or another listener beside the one that clients come to.
    const variants: BalancerOptions[] = [
      optionsOf(pair, [{ name: 'l', bind: `127.0.0.1:${port}` }], { p: { backends: [a, b, c] } }),
      optionsOf(pair, [{ name: 'l', bind: `127.0.0.1:${port}`, backlog: 2000 }, { name: 'm' }], {
        p: { backends: [a, b], timeouts: { idle: '10m' }, boundedLoad: 'off', limits: { sessionsPerKey: 1000 } },
      }),
      optionsOf(pair, [{ name: 'renamed', bind: `127.0.0.1:${port}`, pool: 'q' }], {
        p: { backends: [c] },
        q: { backends: [b, c], health: { interval: '1s' }, slowStart: '1s', ejection: {} },
      }),
      optionsOf(pair, [{ name: 'l', bind: `127.0.0.1:${port}`, pool: 'q', deny: ['192.0.2.0/24'] }], {
        q: { backends: [a, c], retries: 1, limits: { newPerSecondPerKey: 100_000 }, health: {} },
      }),
    ]
    const balancer = await listening(variants[0] as BalancerOptions)
    const dial = { host: '127.0.0.1', port }
    const resident = await connect({ ...dial, localAddress: '127.0.6.1' })
    await resident.line()
    let isOver = false
    let served = 0
    const visitors = Array.from({ length: 6 }, async (_, n) => {
      while (!isOver) {
        const client = await Conn.open({ ...dial, localAddress: `127.0.6.${2 + n}` })
        expect(await client.line(), 'a name').to.match(/^[abc]$/)
        expect(await client.echo('x')).to.equal('x')
        client.finish()
        expect(await client.over()).to.equal('end')
        served++
      }
    })
    const writing = async (): Promise<void> => {
      for (let write = 1; !isOver; write++) {
        // A change of homes is counted out on thousands of keys, which would hold up the clients if it were each of them.
        const change = write % 16 === 0 ? { weight: 1 + (write % 7) } : { maxSessions: 1000 + (write % 7) }
        for (const name of ['p', 'q']) {
          if (balancer.settings().pools[name] === undefined) continue
          const [backend] = balancer.pool(name).backends()
          if (backend !== undefined) balancer.pool(name).update(backend.name, change)
        }
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    const reloading = async (): Promise<void> => {
      let last = 1
      for (let n = 1; n <= reloads; n++) {
        const before = served
        const next = variants[n % variants.length] as BalancerOptions
        const { generation } = await balancer.reload(next)
        expect(generation).to.be.above(last)
        last = generation
        expect(Object.keys(balancer.settings().pools)).to.deep.equal(Object.keys(next.pools))
        await until('clients to be served', () => served >= before + 6)
        expect(await resident.echo(`${n}`)).to.equal(`${n}`)
      }
    }
    const end = (): void => {
      isOver = true
    }
    await Promise.all([reloading().finally(end), writing(), ...visitors])
    resident.finish()
    expect(await resident.over()).to.equal('end')
    await until('the sessions to end', () => balancer.stats().sessions === 0)
    const { counters } = balancer.stats()
    expect(counters).to.include({ accepted: served + 1, endFinished: served + 1, connectRefused: 0 })
  })
})
