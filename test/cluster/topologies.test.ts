import { expect } from 'chai'
import { StoreKeys } from '../../src/cluster/store/store-keys.ts'
import { Certificates } from '../helpers/certificates.ts'
import { Directory } from '../helpers/directory.ts'
import { freePort } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { runProgram } from '../helpers/programs.ts'
import { RedisServer, type Reply } from '../helpers/redis.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { Member, type MemberSettings } from './members.ts'
import { Sentinels } from './sentinels.ts'

describe('balancers that share exceptions through several servers', function () {
  this.timeout(TEST_MS)
  let program: string
  let directory: Directory
  const members: Member[] = []
  const servers: RedisServer[] = []

  before(async function () {
    program = requirePeer(this, 'redis-server')
    directory = await Directory.make()
  })

  afterEach(async () => {
    await Promise.all(members.splice(0).map(member => member[Symbol.asyncDispose]()))
    for (const server of servers) server.freeze(false)
    await Promise.all(servers.splice(0).map(server => server[Symbol.asyncDispose]()))
  })

  after(async () => {
    await directory?.[Symbol.asyncDispose]()
  })

  async function start(url: string, settings?: MemberSettings): Promise<Member> {
    const member = Member.make(url, settings)
    members.push(member)
    await member.balancer.listen()
    return member
  }

  async function serve(...settings: string[]): Promise<RedisServer> {
    const server = await RedisServer.bare(program, settings)
    servers.push(server)
    return server
  }

  async function knows(member: Member, pins: ReadonlyMap<string, string>): Promise<void> {
    await until(
      'all to be known',
      () => [...pins].every(([address, name]) => member.pool.table.get(address)?.backend === name),
      () => member.status,
    )
  }

  it('follow the primary that Sentinels name, also away from one that lives', async () => {
    const sentinels = await Sentinels.start(program, directory)
    servers.push(sentinels.primary, sentinels.replica, ...sentinels.all)
    const { primary, replica, url } = sentinels
    const [one, other] = [await start(url), await start(url)]
    const early = one.pinAway(100)
    await knows(other, early)
    // Cut off from everybody, and back as what it was, until the Sentinels have told it.
    primary.freeze(true)
    await sentinels.failOver()
    primary.freeze(false)
    const late = one.pinAway(100, 100)
    await knows(other, late)
    const third = await start(url)
    await knows(third, new Map([...early, ...late]))
    expect(await replica.command('DBSIZE')).to.be.at.least(200)
    const nobody = await start(`redis+sentinel://${sentinels.all[0]?.address}/nobody`, {
      cluster: { startTimeout: '1ms' },
    })
    await nobody.becomes('an error', ({ error }) => /no Sentinel knows the primary nobody/.test(error ?? ''))
  })

  it('share through a Redis Cluster, one of whose nodes dies and is replaced', async function () {
    const cli = requirePeer(this, 'redis-cli')
    const settings = (at: number): string[] => [
      ...['--cluster-enabled', 'yes', '--cluster-config-file', directory.file(`nodes-${at}`)],
      ...['--cluster-node-timeout', '1000', '--cluster-replica-validity-factor', '0'],
    ]
    const nodes = await Promise.all([0, 1, 2, 3].map(async at => await serve(...settings(at))))
    const [first, second, third, spare] = nodes as [RedisServer, RedisServer, RedisServer, RedisServer]
    const three = [first, second, third]
    await runProgram(cli, ['--cluster', 'create', ...three.map(({ address }) => address), '--cluster-yes'])
    const state = async (node: RedisServer): Promise<string> => String(await node.command('CLUSTER', 'INFO'))
    await until('the cluster to be one', async () => {
      const states = await Promise.all(three.map(state))
      return states.every(text => text.includes('cluster_state:ok'))
    })
    const id = String(await second.command('CLUSTER', 'MYID'))
    await spare.command('CLUSTER', 'MEET', '127.0.0.1', String(first.port))
    const replicates = async (): Promise<Reply> => await spare.command('CLUSTER', 'REPLICATE', id)
    await until('the spare node to be a replica', async () => (await replicates()) === 'OK')
    await until('it to be in step', async () =>
      String(await spare.command('INFO', 'replication')).includes('master_link_status:up'),
    )
    await until('the others to know it', async () =>
      String(await first.command('CLUSTER', 'NODES')).includes(`slave ${id}`),
    )
    const url = `redis+cluster://${three.map(({ address }) => address).join(',')}`
    const [one, other] = [await start(url), await start(url)]
    const early = one.pinAway(200)
    await knows(other, early)
    const keys = new StoreKeys({ prefix: 'limpet', name: 'default' }, 16)
    const held = await Promise.all(
      three.map(async node => ((await node.command('KEYS', keys.pins)) as string[]).length),
    )
    expect(held.every(count => count > 0)).to.equal(true)
    expect(held.reduce((sum, count) => sum + count, 0)).to.equal(200)
    await second.kill()
    const late = one.pinAway(200, 200)
    await until('the spare node to be promoted', async () => (await state(spare)).includes('cluster_state:ok'))
    await knows(other, late)
    const fresh = await start(url)
    await knows(fresh, new Map([...early, ...late]))
    expect(fresh.status.error).to.equal(undefined)
  })

  it('use TLS where they are told, and trust only whom they know', async function () {
    await using certificates = await Certificates.make(this)
    await certificates.add('ca')
    await certificates.add('server', { by: 'ca', names: ['localhost'] })
    const { cert, key } = certificates.pair('server')
    const server = await serve(
      ...['--tls-port', '0', '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', certificates.cert('ca')],
    )
    const port = await freePort()
    expect(await server.command('CONFIG', 'SET', 'tls-port', String(port))).to.equal('OK')
    const ca = certificates.cert('ca')
    const known = await start(`rediss://localhost:${port}`, { cluster: { ca } })
    const pins = known.pinAway(10)
    const other = await start(`rediss://localhost:${port}`, { cluster: { ca } })
    await knows(other, pins)
    const quick = { startTimeout: '1ms' }
    const wrongName = await start(`rediss://127.0.0.1:${port}`, { cluster: { ca, ...quick } })
    await wrongName.becomes('an error', ({ error }) => /IP: 127.0.0.1|altnames/.test(error ?? ''))
    const unknown = await start(`rediss://localhost:${port}`, { cluster: quick })
    await unknown.becomes('an error', ({ error }) => /certificate/.test(error ?? ''))
    const plain = await start(`rediss://localhost:${server.port}`, { cluster: { ca, ...quick } })
    await plain.becomes('an error', ({ error }) => error !== undefined)
    const none = await start(`rediss://localhost:${port}`, { cluster: { ca: directory.file('none'), ...quick } })
    await none.becomes('an error', ({ error }) => /ENOENT/.test(error ?? ''))
  })
})
