import { once } from 'node:events'
import { setImmediate as immediately } from 'node:timers/promises'
import { expect } from 'chai'
import { Balancer } from '../../src/balancer.ts'
import type { BackendHealthChange } from '../../src/balancer-types.ts'
import type { HealthOptions, PoolOptions } from '../../src/config/options.ts'
import { Directory } from '../helpers/directory.ts'
import { freePort } from '../helpers/net.ts'
import { Backend, type Backends, named, type Serve, startBackends } from '../helpers/servers.ts'
import { steady, within } from '../helpers/wait.ts'
import {
  afterTest,
  ask,
  cleanUp,
  connectTo,
  firstData,
  listenBy,
  makeBalancer,
  nextUncaught,
  portOf,
  RELAYS,
  readAll,
  until,
} from './helpers.ts'

const QUICK = { interval: '10ms', fastInterval: '10ms', timeout: '10s', rise: 2, fall: 3 } as const
const CLIENTS = Array.from({ length: 60 }, (_, n) => `127.0.5.${n + 1}`)

async function backendsNamed(...names: string[]): Promise<Backends> {
  const backends = await startBackends(names, named)
  afterTest(() => backends[Symbol.asyncDispose]())
  return backends
}

async function balancing(backends: Backends, pool: PoolOptions = {}): Promise<Balancer> {
  const settings = backends.all.map(({ name, address }) => ({ name, address }))
  const balancer = makeBalancer({ backends: settings, health: QUICK, failOpen: 'off', ...pool })
  await balancer.listen()
  return balancer
}

/** Which backend answers a client. */
async function visit(balancer: Balancer, client: string): Promise<string> {
  return (await ask(portOf(balancer), '', client)).trim()
}

function statusOf(balancer: Balancer, name: string): string | undefined {
  return balancer
    .pool()
    .backends()
    .find(backend => backend.name === name)?.health?.status
}

/** A server that closes what does not begin with a header of the PROXY protocol. */
const wary: Serve = async conn => {
  const header = 'PROXY UNKNOWN\r\n'
  const begin = await conn.read(header.length)
  conn.socket.end(begin.toString() === header ? 'welcome\n' : '')
}

describe('health of backends', () => {
  afterEach(cleanUp)

  it('asks with a header from when a reload has switched it on', async () => {
    const backends = await startBackends(['a'], wary)
    afterTest(() => backends[Symbol.asyncDispose]())
    const [{ name, address }] = backends.all as [Backend]
    const steps = [{ send: 'hello, is somebody there?' }, { expect: 'welcome' }]
    const pool = { health: { ...QUICK, type: 'expect' as const, steps }, backends: [{ name, address }] }
    const balancer = new Balancer({ pools: { p: pool }, log: { level: 'silent' } })
    afterTest(() => balancer.destroy())
    await balancer.listen()
    expect(statusOf(balancer, 'a')).to.equal('down')
    const up = once(balancer, 'backendUp')
    await balancer.reload({ pools: { p: { ...pool, sendProxy: 'v1' } }, log: { level: 'silent' } })
    await within('the backend to be up', up)
    const down = once(balancer, 'backendDown')
    await balancer.reload({ pools: { p: pool }, log: { level: 'silent' } })
    await within('the backend to be down', down)
  })

  it('takes a backend that fails out, moves nobody else, and takes it back', async () => {
    const backends = await backendsNamed('a', 'b', 'c')
    const balancer = await balancing(backends, { stickTable: 'off', retries: 0 })
    const homes = new Map(CLIENTS.map(client => [client, balancer.pool().explain(client).home ?? '']))
    for (const client of CLIENTS) expect(await visit(balancer, client)).to.equal(homes.get(client))

    const [dead] = backends.all as [Backend]
    const { port } = dead
    const down = once(balancer, 'backendDown') as Promise<[BackendHealthChange]>
    await dead.kill()
    const [change] = await within('the backend to be down', down)
    expect(change).to.deep.equal({ pool: 'p', name: 'a', address: `127.0.0.1:${port}`, reason: 'ECONNREFUSED' })
    await until(() => balancer.pool().backends()[0]?.health?.status === 'down')
    for (const client of CLIENTS) {
      const { order } = balancer.pool().explain(client)
      // Without retries: whoever is sent to the dead one would get nothing.
      expect(await visit(balancer, client)).to.equal(order.find(name => name !== 'a'))
      if (homes.get(client) !== 'a') expect(await visit(balancer, client)).to.equal(homes.get(client))
    }
    const up = once(balancer, 'backendUp') as Promise<[BackendHealthChange]>
    const again = await Backend.start({ name: 'a', port, serve: named })
    afterTest(() => again[Symbol.asyncDispose]())
    expect((await within('the backend to be up', up))[0]).to.include({ name: 'a', reason: 'the check went well' })
    await until(() => statusOf(balancer, 'a') === 'up')
    for (const client of CLIENTS) expect(await visit(balancer, client)).to.equal(homes.get(client))
    expect(balancer.stats().counters.connectRefused).to.equal(0)
  })

  it('says that a backend is down no sooner than nobody is sent there', async () => {
    const backends = await backendsNamed('a', 'b')
    const balancer = await balancing(backends, { stickTable: 'off' })
    const pool = balancer.pool()
    const client = CLIENTS.find(one => pool.explain(one).home === 'a') ?? expect.fail('no client is at home at a')
    await backends.all[0]?.kill()
    // At every turn of the event loop: the one in which the check fails is among them.
    while (statusOf(balancer, 'a') !== 'down') await immediately()
    const decision = pool.pick(client)
    decision.release()
    expect(decision.backend).to.equal('b')
  })

  it('waits for first checks before it listens', async () => {
    const backends = await backendsNamed('a', 'b')
    const address = `127.0.0.1:${await freePort()}`
    const settings = [...backends.all.map(({ name, address }) => ({ name, address })), { name: 'dead', address }]
    const balancer = await balancing(backends, { backends: settings, retries: 0 })
    expect(
      balancer
        .pool()
        .backends()
        .map(({ health }) => health?.status),
    ).to.deep.equal(['up', 'up', 'down'])
    for (const client of CLIENTS) expect(await visit(balancer, client)).to.be.oneOf(['a', 'b'])
  })

  it('sends nobody to a new backend before its first check', async () => {
    const backends = await backendsNamed('a')
    const balancer = await balancing(backends, { retries: 0 })
    balancer.pool().add({ name: 'dead', address: `127.0.0.1:${await freePort()}` })
    expect(statusOf(balancer, 'dead')).to.equal('unknown')
    for (const client of CLIENTS) expect(await visit(balancer, client)).to.equal('a')
    await until(() => statusOf(balancer, 'dead') === 'down')
  })

  it('tells of every first result, also one that agrees with the initial state', async () => {
    const backends = await backendsNamed('a')
    const dead = { name: 'dead', address: `127.0.0.1:${await freePort()}` }
    const [a] = backends.all as [Backend]
    for (const initial of ['up', 'down', 'check'] as const) {
      const settings = [{ name: 'a', address: a.address }, dead]
      const balancer = makeBalancer({ backends: settings, health: { ...QUICK, initial } })
      const seen: string[] = []
      balancer.on('backendUp', ({ name }) => seen.push(`${name} up`))
      balancer.on('backendDown', ({ name }) => seen.push(`${name} down`))
      await balancer.listen()
      await until(() => seen.length === 2)
      expect(seen.sort(), initial).to.deep.equal(['a up', 'dead down'])
      expect(
        balancer
          .pool()
          .backends()
          .map(({ health }) => health?.status),
      ).to.deep.equal(['up', 'down'])
      await balancer.close()
    }
  })

  it('checks backends that came, and forgets those that went, while it was opened', async () => {
    const silent = await startBackends(['a', 'c'], () => undefined)
    afterTest(() => silent[Symbol.asyncDispose]())
    const [a, c] = silent.all as [Backend, Backend]
    const late = await backendsNamed('b')
    const health: HealthOptions = { ...QUICK, type: 'expect', steps: [{ expect: 'b' }], timeout: '200ms' }
    const settings = [a, c].map(({ name, address }) => ({ name, address }))
    const balancer = makeBalancer({ backends: settings, health, failOpen: 'off' })
    const opening = balancer.listen()
    await until(() => c.accepted === 1)
    balancer.pool().add({ name: 'b', address: late.all[0]?.address ?? '' })
    balancer.pool().remove('c')
    await opening
    await until(() => statusOf(balancer, 'b') === 'up')
    const checks = await steady('the checks of what is gone', () => c.accepted, 20)
    expect(checks).to.equal(1)
  })

  it('checks the port that it is told, and unix sockets as they are', async () => {
    const backends = await backendsNamed('a')
    const [a] = backends.all as [Backend]
    const directory = await Directory.make()
    afterTest(() => directory[Symbol.asyncDispose]())
    const local = await Backend.start({ name: 'u', path: directory.file('u.sock'), serve: named })
    afterTest(() => local[Symbol.asyncDispose]())
    const settings = [
      { name: 'elsewhere', address: `127.0.0.1:${await freePort()}` },
      { name: 'u', address: local.address },
    ]
    const balancer = await balancing(backends, { backends: settings, health: { ...QUICK, port: a.port } })
    expect(['elsewhere', 'u'].map(name => statusOf(balancer, name))).to.deep.equal(['up', 'up'])
    expect([a.accepted > 0, local.accepted > 0]).to.deep.equal([true, true])
  })

  it('does not check a backend in maintenance', async () => {
    const backends = await backendsNamed('a', 'b')
    const balancer = await balancing(backends)
    balancer.pool().update('a', { state: 'maint' })
    const [a] = backends.all as [Backend]
    expect(statusOf(balancer, 'a')).to.equal('unknown')
    const events: string[] = []
    balancer.on('backendDown', ({ name }) => events.push(name))
    const { port } = a
    await a.kill()
    const before = backends.all[1]?.accepted ?? 0
    await until(() => (backends.all[1]?.accepted ?? 0) > before + 10)
    expect(events).to.deep.equal([])
    const again = await Backend.start({ name: 'a', port, serve: named })
    afterTest(() => again[Symbol.asyncDispose]())
    expect(again.accepted).to.equal(0)
    balancer.pool().update('a', { state: 'ready' })
    await until(() => statusOf(balancer, 'a') === 'up')
  })

  it('serves all when too few are up, and says so', async () => {
    const backends = await backendsNamed('a', 'b', 'c')
    const balancer = await balancing(backends, { failOpen: 50, retries: 3 })
    const isOpen = (): boolean | undefined => balancer.stats().pools.p?.isFailOpen
    expect(isOpen()).to.equal(false)
    const [a, b] = backends.all as [Backend, Backend]
    await Promise.all([a.kill(), b.kill()])
    await until(() => statusOf(balancer, 'a') === 'down' && statusOf(balancer, 'b') === 'down')
    await until(() => isOpen() === true)
    for (const client of CLIENTS.slice(0, 10)) expect(await visit(balancer, client)).to.equal('c')
  })

  it('keeps nothing open, and checks no more, after it is closed', async () => {
    const backends = await backendsNamed('a', 'b')
    const balancer = await balancing(backends)
    await balancer.close()
    for (const backend of backends.all) {
      // One may still be on its way, which is never accepted if it has ended before.
      await steady('the checks', () => backend.accepted)
      await until(() => backend.live.size === 0)
    }
  })

  it('ends the opening when it is aborted, or closed, during first checks', async () => {
    const silent = await backendsNamed('a')
    const settings = silent.all.map(({ name, address }) => ({ name, address }))
    const health: HealthOptions = { type: 'expect', steps: [{ expect: 'never' }], timeout: '1h' }
    const balancer = makeBalancer({ backends: settings, health })
    const opening = balancer.listen()
    await until(() => silent.all[0]?.live.size === 1)
    await balancer.close()
    expect(
      await opening.then(
        () => 'open',
        ({ code }) => code,
      ),
    ).to.equal('LIMPET_ERR_INVALID_STATE')
    await until(() => silent.all[0]?.live.size === 0)
  })

  it('knows nothing of checks after an opening that failed', async () => {
    const backends = await backendsNamed('a')
    const dead = { name: 'dead', address: `127.0.0.1:${await freePort()}` }
    const taken = { name: 'l', bind: backends.all[0]?.address ?? '', pool: 'p' }
    const balancer = makeBalancer({ backends: [dead], health: QUICK, failOpen: 'off' }, { listeners: [taken] })
    expect(await balancer.listen().catch(({ code }) => code)).to.equal('EADDRINUSE')
    expect(balancer.pool().backends()[0]?.health).to.equal(undefined)
    expect(balancer.pick('192.0.2.1').backend).to.equal('dead')
  })

  it('goes on when whoever listens to its events throws', async () => {
    const backends = await backendsNamed('a', 'b')
    const balancer = await balancing(backends)
    const thrown = nextUncaught()
    balancer.once('backendDown', () => {
      throw new Error('of a handler')
    })
    const [a, b] = backends.all as [Backend, Backend]
    await a.kill()
    expect((await thrown).message).to.equal('of a handler')
    await b.kill()
    await until(() => statusOf(balancer, 'b') === 'down')
  })

  for (const relay of RELAYS) {
    it(`closes the sessions of a backend that went down, where that is wanted (${relay} relay)`, async () => {
      const { all } = await backendsNamed('a', 'b')
      // Something of its own answers the checks: the backend only seems to be down, and would keep its sessions.
      const port = await freePort()
      let prober: Backend | undefined = await Backend.start({ port })
      afterTest(() => prober?.[Symbol.asyncDispose]())
      const settings = all.map(({ name, address }) => ({ name, address }))
      const onDown = { sessions: 'close', perSecond: 0 } as const
      const pool = {
        backends: settings,
        health: { ...QUICK, port, onDown },
        failOpen: 'off',
        boundedLoad: 'off',
      } as const
      const balancer = makeBalancer(pool, listenBy(relay))
      await balancer.listen()
      const clients = await Promise.all(CLIENTS.map(client => connectTo(portOf(balancer), client)))
      await Promise.all(clients.map(firstData))
      const down = once(balancer, 'backendDown')
      await prober.kill()
      prober = undefined
      await within('a backend to be down', down)
      await within('the clients to be closed', Promise.all(clients.map(client => readAll(client))))
      await until(() => balancer.stats().sessions === 0)
      expect(balancer.stats().counters.endClosed).to.equal(CLIENTS.length)
    })
  }

  it('closes the sessions of a backend that is still down when checks are believed again', async () => {
    const hosts = { a: '127.0.0.1', b: '127.0.0.2', c: '127.0.0.3' }
    const port = await freePort()
    const startAt = async (name: string, host: string, at: number): Promise<Backend> => {
      const backend = await Backend.start({ name, host, port: at, serve: named })
      afterTest(() => backend[Symbol.asyncDispose]())
      return backend
    }
    const startAll = async (at: number): Promise<Backend[]> =>
      await Promise.all(Object.entries(hosts).map(async ([name, host]) => await startAt(name, host, at)))
    // Something of their own answers the checks.
    const [proberA, proberB] = (await startAll(port)) as [Backend, Backend]
    const backends = (await startAll(0)).map(({ name, address }) => ({ name, address }))
    const onDown = { sessions: 'close', perSecond: 0 } as const
    const balancer = makeBalancer({ backends, health: { ...QUICK, port, onDown }, failOpen: 50, boundedLoad: 'off' })
    await balancer.listen()
    await Promise.all([proberA.kill(), proberB.kill()])
    await until(() => balancer.stats().pools.p?.isFailOpen === true)
    const clients = await Promise.all(CLIENTS.map(client => connectTo(portOf(balancer), client)))
    const servers = await Promise.all(clients.map(firstData))
    const ofA = clients.filter((_, at) => servers[at] === 'a\n')
    expect(ofA).to.have.length.above(0).and.below(clients.length)
    await startAt('b', hosts.b, port)
    await within('the clients of a to be closed', Promise.all(ofA.map(client => readAll(client))))
    await until(() => balancer.stats().sessions === clients.length - ofA.length)
    expect(balancer.stats().counters.endClosed).to.equal(ofA.length)
  })

  it('keeps the sessions of a backend that went down, unless it is told otherwise', async () => {
    const { all } = await backendsNamed('a')
    const port = await freePort()
    let prober: Backend | undefined = await Backend.start({ port })
    afterTest(() => prober?.[Symbol.asyncDispose]())
    const settings = all.map(({ name, address }) => ({ name, address }))
    const balancer = makeBalancer({ backends: settings, health: { ...QUICK, port }, failOpen: 'off' })
    await balancer.listen()
    const client = await connectTo(portOf(balancer))
    expect(await firstData(client)).to.equal('a\n')
    const down = once(balancer, 'backendDown')
    await prober.kill()
    prober = undefined
    await within('the backend to be down', down)
    client.write('still there?')
    expect(await firstData(client)).to.equal('still there?')
    expect(balancer.stats().counters.endClosed).to.equal(0)
  })
})
