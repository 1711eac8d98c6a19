import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { AdminOptions, BackendOptions, BalancerOptions, PoolOptions } from '../../src/config/options.ts'
import { Balancer } from '../../src/index.ts'
import { AdminClient } from '../admin/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisClient, RedisServer } from '../helpers/redis.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

const CLIENTS = 2000
const NEW_CLIENTS = 400
/** So long that a test fails where it is waited for. */
const LONG_MS = 120_000
const SHORT_MS = 1000

const FIVE = ['a', 'b', 'c', 'd', 'e']

function backendsOf(names: readonly string[]): BackendOptions[] {
  return names.map(name => ({ name, address: '127.0.0.1:1' }))
}

/** Addresses of so many clients, of a block of their own. */
function clientsOf(block: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `10.${block}.${at >> 8}.${at & 255}`)
}

/** What some balancers have besides. */
interface More {
  backends?: PoolOptions['backends']
  /** Of the first. */
  admin?: AdminOptions
}

describe('a change of backends in a cluster', function () {
  this.timeout(TEST_MS)
  let directory: Directory
  let server: RedisServer
  let redis: RedisClient
  let balancers: Balancer[] = []
  /** A cluster of its own for each test. */
  let cluster = 0
  let url: string

  before(async function () {
    directory = await Directory.make()
    server = await RedisServer.start(requirePeer(this, 'redis-server'), 'a', directory.path)
    redis = await RedisClient.open({ host: '127.0.0.1', port: server.port })
    url = `redis://127.0.0.1:${server.port}`
  })

  beforeEach(() => {
    cluster++
  })

  afterEach(async () => {
    await Promise.all(balancers.splice(0).map(balancer => balancer.destroy()))
  })

  after(async () => {
    redis?.close()
    await server?.[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  function optionsOf(backends: PoolOptions['backends'], switchTimeout: number): BalancerOptions {
    const pool: PoolOptions = {
      secret: 'a secret of tests',
      boundedLoad: 'off',
      stickTable: { size: 20_000 },
      backends,
    }
    return { pools: { p: pool }, cluster: { url, name: `c${cluster}`, switchTimeout }, log: { level: 'fatal' } }
  }

  /** Balancers that know each other. */
  async function start(count: number, switchTimeout = LONG_MS, more: More = {}): Promise<Balancer[]> {
    const { backends = backendsOf(FIVE), admin } = more
    const options = optionsOf(backends, switchTimeout)
    balancers = Array.from(
      { length: count },
      (_, at) => new Balancer(at === 0 && admin ? { ...options, admin } : options),
    )
    await Promise.all(balancers.map(balancer => balancer.listen()))
    await knowOf(count - 1)
    return balancers
  }

  async function knowOf(others: number): Promise<void> {
    await until(
      `${others} others live`,
      () => balancers.every(balancer => livesBeside(balancer) === others),
      () => balancers.map(balancer => balancer.stats().cluster),
    )
  }

  function livesBeside(balancer: Balancer): number {
    return (balancer.stats().cluster?.members ?? []).filter(({ isLive }) => isLive).length
  }

  function visit(balancer: Balancer, client: string): string {
    const decision = balancer.pick(client)
    decision.release()
    return decision.backend
  }

  /** Each client visits one of the balancers. */
  function visitAll(clients: readonly string[]): Map<string, string> {
    return new Map(clients.map((client, at) => [client, visit(balancers[at % balancers.length] as Balancer, client)]))
  }

  /** Clients that a balancer sends elsewhere. */
  function lost(balancer: Balancer, visited: ReadonlyMap<string, string>): string[] {
    return [...visited].filter(([client, backend]) => visit(balancer, client) !== backend).map(([client]) => client)
  }

  it('that all reload one after the other leads nobody elsewhere who comes through another balancer', async () => {
    const all = await start(3)
    const [first] = all as [Balancer]
    const visited = visitAll(clientsOf(1, CLIENTS))
    const next = optionsOf(backendsOf([...FIVE, 'f']), LONG_MS)
    await first.reload(next)
    expect(
      first
        .pool()
        .backends()
        .map(({ name }) => name),
    ).to.include('f')
    // One who has changed, before any other has.
    expect(lost(first, visited)).to.deep.equal([])
    // Those who come meanwhile, through one who has not.
    const late = new Map(clientsOf(2, NEW_CLIENTS).map(client => [client, visit(all[1] as Balancer, client)]))
    const away = [...late].filter(([client, backend]) => first.pool().explain(client).home !== backend)
    expect(away).to.not.be.empty
    await until('new clients are known', () => away.every(([client, backend]) => pinAt(first, client) === backend))
    expect(lost(first, late)).to.deep.equal([])
    for (const balancer of all.slice(1)) {
      await balancer.reload(next)
      expect(lost(balancer, visited)).to.deep.equal([])
    }
    // Who is at home at the new one is there by all.
    const homes = clientsOf(3, NEW_CLIENTS).map(client => all.map(balancer => visit(balancer, client)))
    expect(homes.every(([one, ...others]) => others.every(other => other === one))).to.equal(true)
    expect(homes.flat()).to.include('f')
  })

  it('that comes with a balancer that starts leads nobody elsewhere', async () => {
    await start(2)
    const visited = visitAll(clientsOf(1, CLIENTS))
    const third = new Balancer(optionsOf(backendsOf([...FIVE, 'f']), LONG_MS))
    balancers.push(third)
    await third.listen()
    expect(lost(third, visited)).to.deep.equal([])
  })

  it('that all find in a file leads nobody elsewhere', async () => {
    const file = directory.file('servers')
    const write = async (names: readonly string[]): Promise<void> =>
      await writeFile(file, JSON.stringify(backendsOf(names)))
    await write(FIVE)
    const all = await start(2, LONG_MS, { backends: { file } })
    const visited = visitAll(clientsOf(1, CLIENTS))
    await write([...FIVE, 'f'])
    await until('all have found it', () => all.every(one => one.pool().backends().length === FIVE.length + 1))
    for (const balancer of all) expect(lost(balancer, visited)).to.deep.equal([])
  })

  it('that an operator makes, or a program that announces it, leads nobody elsewhere', async () => {
    const [first] = (await start(2, LONG_MS, { admin: { listen: `unix:${directory.file('admin')}` } })) as [Balancer]
    const visited = visitAll(clientsOf(1, CLIENTS))
    const client = new AdminClient({ socketPath: String(first.adminAddress()) })
    const { status } = await client.ask('POST', '/v1/pools/p/backends', { body: backendsOf(['f'])[0] })
    expect(status).to.equal(201)
    expect(lost(first, visited)).to.deep.equal([])
    // And that a program announces, on top of it.
    await first.announce({ update: { a: { weight: 3 } } })
    first.pool().update('a', { weight: 3 })
    expect(lost(first, visited)).to.deep.equal([])
    // No home moves by that.
    await redis.command('DEL', `limpet:{c${cluster}:0}:announced`)
    await first.announce({ update: { b: { state: 'drain', maxSessions: 7 } } })
    expect(await redis.command('EXISTS', `limpet:{c${cluster}:0}:announced`)).to.equal(0)
  })

  it('is made after switchTimeout where a balancer says nothing', async () => {
    const [first] = (await start(1, SHORT_MS)) as [Balancer]
    const members = `limpet:{c${cluster}:0}:members`
    const beat = async (): Promise<unknown> => {
      const [seconds] = (await redis.command('TIME')) as [string]
      const said = JSON.stringify({ name: 'mute', version: '0', digest: '' })
      return await redis.command('HSET', members, 'mute', `${Number(seconds) * 1000} ${said}`)
    }
    await beat()
    const timer = setInterval(() => void beat(), SHORT_MS)
    try {
      await knowOf(1)
      const began = performance.now()
      await first.reload(optionsOf(backendsOf([...FIVE, 'f']), SHORT_MS))
      expect(performance.now() - began).to.be.at.least(SHORT_MS - 5)
      expect(first.pool().backends()).to.have.length(FIVE.length + 1)
    } finally {
      clearInterval(timer)
    }
  })

  it('is made at once where the store is away', async () => {
    const all = await start(2)
    await server.kill()
    for (const balancer of all) {
      await balancer.reload(optionsOf(backendsOf([...FIVE, 'f']), LONG_MS))
      expect(balancer.pool().backends()).to.have.length(FIVE.length + 1)
    }
  })
})

/** Where the table leads a client; undefined: it says nothing. */
function pinAt(balancer: Balancer, client: string): string | undefined {
  return balancer.pool().explain(client).pin?.backend
}
