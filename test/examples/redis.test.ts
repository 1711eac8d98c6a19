import { expect } from 'chai'
import { Directory } from '../helpers/directory.ts'
import { clientAddress } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisClient, RedisServer } from '../helpers/redis.ts'
import { TEST_MS } from '../helpers/wait.ts'
import { endAll, Front } from './front.ts'

const USERS = ['ann', 'bob', 'cleo', 'dan', 'eve', 'fay', 'gus', 'hal']

describe('examples/redis', function () {
  this.timeout(TEST_MS)

  it('gives every user a server of his own, from every address, after a restart, and nobody else one', async function () {
    const redis = requirePeer(this, 'redis-server')
    await using directory = await Directory.make()
    const servers: RedisServer[] = []
    await using _ = { [Symbol.asyncDispose]: () => endAll(servers) }
    for (const name of ['a', 'b', 'c']) {
      const server = await RedisServer.start(redis, name, directory.path)
      servers.push(server)
      const client = await RedisClient.open({ host: '127.0.0.1', port: server.port })
      for (const user of USERS) await client.command('ACL', 'SETUSER', user, 'on', '>pw', '~*', '+@all')
      client.close()
    }
    const homes = async (front: Front, from: number): Promise<unknown[]> => {
      const found: unknown[] = []
      for (const user of USERS) {
        const client = await RedisClient.open({ ...front.dial, localAddress: clientAddress(from) })
        expect(await client.command('AUTH', user, 'pw')).to.equal('OK')
        found.push(await client.command('GET', 'name'))
        client.close()
      }
      return found
    }
    let first: unknown[]
    {
      await using front = await Front.start('redis', servers)
      first = await homes(front, 1)
      expect(new Set(first).size).to.be.greaterThan(1)
      expect(await homes(front, 2)).to.deep.equal(first)
      const stranger = await RedisClient.open(front.dial)
      const refused = await stranger.command('PING').then(
        answer => answer,
        (error: Error) => error,
      )
      expect(refused).to.be.an('error')
    }
    await using again = await Front.start('redis', servers)
    expect(await homes(again, 3)).to.deep.equal(first)
  })
})
