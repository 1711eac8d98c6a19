import { expect } from 'chai'
import type { BackendHealth, BackendState, BalancerOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { Pattern } from '../helpers/hash.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { clientAddress } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisClient, RedisServer } from '../helpers/redis.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { Rig, type RigSettings } from '../helpers/rig.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c'] as const
const CLIENTS = 100
const LARGE = 64 * 1024 * 1024

describe('Redis', function () {
  this.timeout(TEST_MS)
  let file: string
  let directory: Directory
  let servers: RedisServer[]

  before(async function () {
    file = requirePeer(this, 'redis-server')
    directory = await Directory.make()
  })

  after(async () => {
    await directory?.[Symbol.asyncDispose]()
  })

  beforeEach(async () => {
    servers = await Promise.all(NAMES.map(name => RedisServer.start(file, name, directory.path)))
  })

  afterEach(async () => {
    await Promise.all(servers.map(server => server[Symbol.asyncDispose]()))
  })

  forEachRelayOnce('behind a balancer', pair => {
    const open = async (pool: RigSettings['pool'] = {}): Promise<Rig> =>
      await Rig.open(pair, { backends: servers.map(({ name, address }) => ({ name, address })), pool })

    const visit = async (rig: Rig, n: number): Promise<string> => {
      const client = await RedisClient.open({ ...rig.dial, localAddress: clientAddress(n) })
      const name = await client.command('GET', 'name')
      expect(await client.command('QUIT')).to.equal('OK')
      client.conn.finish()
      // The next one comes when this one has left, so that nobody is in the way of anybody.
      await until('the client to be gone', () => rig.stats.sessions === 0)
      return String(name)
    }

    it('does without a server that is frozen, and takes it back', async () => {
      const health = { type: 'redis', interval: '50ms', fastInterval: '50ms', timeout: '3s', rise: 1, fall: 2 } as const
      await using rig = await open({ health, failOpen: 'off', stickTable: 'off', boundedLoad: 'off' })
      const pool = rig.balancer.pool()
      const healthOf = (name: string): BackendHealth | undefined =>
        pool.backends().find(backend => backend.name === name)?.health
      const statusOf = (name: string): string | undefined => healthOf(name)?.status
      expect(NAMES.map(statusOf)).to.deep.equal(['up', 'up', 'up'])
      const sinceOf = (name: string): number => healthOf(name)?.since ?? 0
      const { order } = pool.explain(clientAddress(0))
      const [home = '', next] = order
      expect(await visit(rig, 0)).to.equal(home)
      const server = servers.find(({ name }) => name === home) ?? expect.fail(`there is no server ${home}`)
      server.freeze(true)
      const frozenAt = Date.now()
      // Not what a slow machine may have said before: of that a check under way could still take it back.
      await until('the frozen one to be down', () => statusOf(home) === 'down' && sinceOf(home) >= frozenAt)
      expect(healthOf(home)?.reason).to.match(/^no answer in time: wanted/)
      expect(await visit(rig, 0)).to.equal(next)
      expect(pool.explain(clientAddress(0)).order).to.deep.equal(order)
      server.freeze(false)
      await until('it to be up', () => statusOf(home) === 'up')
      expect(await visit(rig, 0)).to.equal(home)
      await rig.settle()
    })

    it('sends each client to the same server, and moves only the clients of one that dies', async () => {
      await using rig = await open()
      const homes: string[] = []
      for (let n = 0; n < CLIENTS; n++) homes.push(await visit(rig, n))
      expect(new Set(homes)).to.deep.equal(new Set(NAMES))
      for (let n = 0; n < CLIENTS; n++) expect(await visit(rig, n), `client ${n}`).to.equal(homes[n])

      await servers[1]?.kill()
      const moved: string[] = []
      for (let n = 0; n < CLIENTS; n++) {
        const now = await visit(rig, n)
        if (homes[n] === 'b') expect(now, `client ${n}`).to.be.oneOf(['a', 'c'])
        else expect(now, `client ${n}`).to.equal(homes[n])
        moved.push(now)
      }
      for (let n = 0; n < CLIENTS; n++) expect(await visit(rig, n), `client ${n}`).to.equal(moved[n])
      await rig.settle()
      const { connectRefused } = rig.counters
      expect(connectRefused, 'each client of the dead one met it once').to.equal(
        homes.filter(name => name === 'b').length,
      )
    })

    it('answers thousands of commands that are sent at once, in their order', async () => {
      await using rig = await open()
      const client = new RedisClient(await rig.connect())
      const count = 20_000
      for (let n = 0; n < count; n++) client.send('INCR', 'counter')
      for (let n = 1; n <= count; n++) expect(await client.next()).to.equal(n)
      client.close()
      await rig.settle()
    })

    it('delivers published messages', async () => {
      await using rig = await open()
      const [one, two] = [new RedisClient(await rig.connect()), new RedisClient(await rig.connect())]
      expect(await one.command('SUBSCRIBE', 'news')).to.deep.equal(['subscribe', 'news', 1])
      for (let n = 0; n < 100; n++) {
        expect(await two.command('PUBLISH', 'news', `message ${n}`)).to.equal(1)
        expect(await one.next()).to.deep.equal(['message', 'news', `message ${n}`])
      }
      one.close()
      two.close()
      await rig.settle()
    })

    it('stores and gives back a value of 64 MiB, byte for byte', async () => {
      await using rig = await open()
      const client = new RedisClient(await rig.connect())
      const value = new Pattern('large').next(LARGE)
      expect(await client.command('SET', 'large', value)).to.equal('OK')
      const back = await client.command('GET', 'large')
      expect(typeof back === 'string' && Buffer.from(back, 'latin1').equals(value), 'the same bytes').to.equal(true)
      client.close()
      await rig.settle()
      expect(rig.counters.bytesToBackend).to.be.greaterThan(LARGE)
      expect(rig.counters.bytesToClient).to.be.greaterThan(LARGE)
    })
  })

  describe('behind limpet run', () => {
    it('keeps the homes of 100 clients through a restart', async () => {
      const configuration = directory.file('limpet.yaml')
      await LimpetRun.write(configuration, {
        listeners: [{ name: 'redis', bind: '127.0.0.1:0', pool: 'redis' }],
        // Who comes while its home is full goes elsewhere, and with it what was remembered: here all come at once.
        pools: { redis: { boundedLoad: 'off', backends: servers.map(({ name, address }) => ({ name, address })) } },
        log: { sessions: 'on' },
      })
      const homes: string[][] = []
      for (let run = 0; run < 2; run++) {
        await using limpet = await LimpetRun.start(configuration)
        const dial = limpet.dial('redis')
        const visit = async (n: number): Promise<string> => {
          const client = await RedisClient.open({ ...dial, localAddress: clientAddress(n) })
          const name = await client.command('GET', 'name')
          client.close()
          return String(name)
        }
        const all = async (): Promise<string[]> =>
          await Promise.all(Array.from({ length: CLIENTS }, (_, n) => visit(n)))
        const met = await all()
        expect(await all(), 'the second visits').to.deep.equal(met)
        const sessions = await limpet.sessions(2 * CLIENTS)
        const told = new Map(sessions.map(({ clientAddress: from, backend }) => [from, backend]))
        for (const [n, name] of met.entries())
          expect(told.get(clientAddress(n)), `client ${n} in the log`).to.equal(name)
        expect(await limpet.stop()).to.deep.equal({ code: 0, signal: null })
        homes.push(met)
      }
      expect(homes[1], 'after the restart').to.deep.equal(homes[0])
      expect(new Set(homes[0])).to.deep.equal(new Set(NAMES))
    })

    it('takes a server out for maintenance and back, without an error at any client', async () => {
      const configuration = directory.file('limpet.yaml')
      const withState = (state: BackendState): BalancerOptions => ({
        listeners: [{ name: 'redis', bind: '127.0.0.1:0', pool: 'redis' }],
        pools: {
          redis: {
            boundedLoad: 'off',
            health: { type: 'redis', timeout: '10s' },
            backends: servers.map(({ name, address }) => ({ name, address, state: name === 'a' ? state : 'ready' })),
          },
        },
      })
      await LimpetRun.write(configuration, withState('ready'))
      await using limpet = await LimpetRun.start(configuration)
      const dial = limpet.dial('redis')
      const meet = async (n: number): Promise<[RedisClient, string]> => {
        const client = await RedisClient.open({ ...dial, localAddress: clientAddress(n) })
        return [client, String(await client.command('GET', 'name'))]
      }
      const visit = async (n: number): Promise<string> => {
        const [client, name] = await meet(n)
        client.close()
        return name
      }
      // The first half has been here; one of those that are at home on `a` stays connected.
      const known = Array.from({ length: CLIENTS / 2 }, (_, n) => n)
      const homes = await Promise.all(known.map(visit))
      const resident = homes.indexOf('a')
      const [session] = await meet(resident)

      expect(await limpet.reload(configuration, withState('drain'))).to.equal('reloaded')
      expect(await Promise.all(known.map(visit)), 'who has a pin').to.deep.equal(homes)
      const fresh = Array.from({ length: CLIENTS / 2 }, (_, n) => CLIENTS / 2 + n)
      expect(await Promise.all(fresh.map(visit)), 'new ones').to.not.include('a')

      expect(await limpet.reload(configuration, withState('maint'))).to.equal('reloaded')
      expect(await session.command('GET', 'name'), 'a session goes on').to.equal('a')
      session.close()
      await session.conn.closed
      const moved = await Promise.all(known.map(visit))
      expect(moved).to.not.include('a')
      for (const n of known) if (homes[n] !== 'a') expect(moved[n], `client ${n}`).to.equal(homes[n])
      expect(await limpet.reload(configuration, withState('ready'))).to.equal('reloaded')
      expect(await Promise.all(known.map(visit)), 'pins hold').to.deep.equal(moved)
      expect(await limpet.stop()).to.deep.equal({ code: 0, signal: null })
    })

    it('moves only the clients of a server that dies', async () => {
      const configuration = directory.file('limpet.yaml')
      await LimpetRun.write(configuration, {
        listeners: [{ name: 'redis', bind: '127.0.0.1:0', pool: 'redis' }],
        pools: { redis: { backends: servers.map(({ name, address }) => ({ name, address })) } },
      })
      await using limpet = await LimpetRun.start(configuration)
      const dial = limpet.dial('redis')
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, (_, n) => RedisClient.open({ ...dial, localAddress: clientAddress(n) })),
      )
      const homes = await Promise.all(clients.map(async client => String(await client.command('GET', 'name'))))
      await servers[0]?.kill()
      await until('the clients of the dead server to be closed', () =>
        clients.every(({ conn }, n) => homes[n] !== 'a' || conn.error !== undefined || conn.socket.readableEnded),
      )
      for (const [n, client] of clients.entries()) {
        // Who was elsewhere has not noticed anything.
        if (homes[n] !== 'a') expect(await client.command('GET', 'name'), `client ${n}`).to.equal(homes[n])
        const again = await RedisClient.open({ ...dial, localAddress: clientAddress(n) })
        const now = String(await again.command('GET', 'name'))
        if (homes[n] === 'a') expect(now, `client ${n}`).to.be.oneOf(['b', 'c'])
        else expect(now, `client ${n}`).to.equal(homes[n])
        again.close()
        client.close()
      }
      expect(await limpet.stop()).to.deep.equal({ code: 0, signal: null })
    })
  })
})
