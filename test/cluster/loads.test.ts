import { expect } from 'chai'
import { Balancer } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisClient, RedisServer } from '../helpers/redis.ts'
import { until } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c']

describe('a bound over all balancers, by a Redis server', () => {
  let directory: Directory
  let server: RedisServer
  const balancers: Balancer[] = []

  before(async function () {
    directory = await Directory.make()
    server = await RedisServer.start(requirePeer(this, 'redis-server'), 'a', directory.path)
  })

  after(async () => {
    await Promise.all(balancers.map(balancer => balancer.destroy()))
    await server?.[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  async function start(names = NAMES, cluster = 'default'): Promise<Balancer> {
    const balancer = new Balancer({
      log: { level: 'silent' },
      pools: {
        p: {
          secret: 'the same for both',
          boundedLoad: { factor: 1.25, scope: 'cluster' },
          health: 'off',
          backends: names.map((name, at) => ({ name, address: `127.0.0.1:${9001 + at}` })),
        },
      },
      cluster: { url: `redis://127.0.0.1:${server.port}`, name: cluster },
    })
    balancers.push(balancer)
    await balancer.listen()
    return balancer
  }

  const peers = (balancer: Balancer): number[] =>
    balancer
      .pool()
      .backends()
      .map(({ peerSessions = 0 }) => peerSessions)

  it('counts the sessions of the others, until they have none', async () => {
    const [one, other] = [await start(), await start()]
    const taken = Array.from({ length: 300 }, (_, at) => one.pick(`10.1.${at >> 8}.${at & 255}`))
    const here = NAMES.map(name => taken.filter(({ backend }) => backend === name).length)
    await until('the other knows', () => JSON.stringify(peers(other)) === JSON.stringify(here))
    expect(peers(one)).to.deep.equal([0, 0, 0])
    for (let at = 0; at < 30; at++) other.pick(`10.2.0.${at}`)
    const most = Math.ceil((1.25 * 331) / 3)
    for (const { name, sessions, peerSessions = 0 } of other.pool().backends())
      expect(sessions + peerSessions, name).to.be.at.most(Math.max(most, peerSessions))
    for (const decision of taken) decision.release()
    await until('nobody has sessions', () => peers(other).every(sessions => sessions === 0))
  })

  it('forgets those of a balancer that is gone, or whose successor tells them', async () => {
    const [one, other] = balancers as [Balancer, Balancer]
    other.pick('10.3.0.1')
    await until('it is known', () => peers(one).some(sessions => sessions > 0))
    other.handOver.begin(process.pid)
    await until('the successor tells of them', () => peers(one).every(sessions => sessions === 0))
    other.handOver.cancel()
    await until('there is none', () => peers(one).some(sessions => sessions > 0))
    await other.destroy()
    await until('nobody is left', () => peers(one).every(sessions => sessions === 0))
  })

  it('counts them on hundreds of backends', async () => {
    const names = Array.from({ length: 200 }, (_, at) => `a-server-with-a-long-name-${at}`)
    const [one, other] = [await start(names, 'large'), await start(names, 'large')]
    for (let at = 0; at < 600; at++) one.pick(`10.1.${at >> 8}.${at & 255}`)
    const sum = (): number => peers(other).reduce((all, sessions) => all + sessions, 0)
    await until('the other knows', () => sum() === 600)
    // What the store does not take is not answered, either: others may have anything by now.
    const client = await RedisClient.open({ host: '127.0.0.1', port: server.port })
    await client.command('CONFIG', 'SET', 'maxmemory', '1')
    await until('nothing is believed any more', () => sum() === 0)
    await client.command('CONFIG', 'SET', 'maxmemory', '0')
    await until('it is told again', () => sum() === 600)
    client.close()
  })
})
