import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { Balancer } from '../../src/balancer.ts'
import type { RosterStatus } from '../../src/cluster/rosters/status.ts'
import type { BalancerOptions, PoolOptions } from '../../src/config/options.ts'
import type { LimpetError } from '../../src/errors.ts'
import { AdminClient, TOKEN } from '../admin/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisClient, RedisServer } from '../helpers/redis.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { afterTest, cleanUp } from '../lifecycle/helpers.ts'

const BACKENDS = ['a', 'b', 'c'].map((name, at) => ({ name, address: `127.0.0.1:${9 + at}` }))
const CLIENTS = 1000
/** Nobody listens there. */
const NOWHERE = 'redis://127.0.0.1:1'

describe('backends that are changed at all balancers', function () {
  this.timeout(TEST_MS)
  let directory: Directory
  let server: RedisServer
  let client: RedisClient
  let clusters = 0

  before(async function () {
    directory = await Directory.make()
    server = await RedisServer.start(requirePeer(this, 'redis-server'), 'a', directory.path)
    client = await RedisClient.open({ host: '127.0.0.1', port: server.port })
  })

  beforeEach(() => {
    clusters++
  })

  afterEach(cleanUp)

  after(async () => {
    client?.close()
    await server?.[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  function options(pool: Partial<PoolOptions> = {}, url = `redis://127.0.0.1:${server.port}`): BalancerOptions {
    return {
      pools: { p: { secret: 'a secret of tests', health: 'off', backends: BACKENDS, ...pool } },
      log: { level: 'silent' },
      admin: { listen: '127.0.0.1:0', token: TOKEN },
      cluster: { url, name: `c${clusters}`, membership: 'cluster', startTimeout: url === NOWHERE ? '0s' : '10s' },
    }
  }

  async function start(given = options()): Promise<Balancer> {
    const balancer = new Balancer(given)
    afterTest(() => balancer.destroy())
    await balancer.listen()
    return balancer
  }

  /** Backends that a balancer has, with what is special of them. */
  function seen(balancer: Balancer): string {
    const all = balancer.pool().backends()
    return all.map(({ name, weight, state }) => `${name}${weight}${state === 'ready' ? '' : state}`).join(' ')
  }

  async function agree(balancers: Balancer[], text: string): Promise<void> {
    await until(
      `all to have ${text}`,
      () => balancers.every(balancer => seen(balancer) === text),
      () => balancers.map(seen),
    )
  }

  function rosterOf(balancer: Balancer): RosterStatus {
    return balancer.stats().cluster?.rosters[0] ?? expect.fail()
  }

  async function refusal(what: Promise<unknown>): Promise<string> {
    return await what.then(
      () => 'none',
      (error: LimpetError) => error.code,
    )
  }

  const key = (): string => `limpet:{c${clusters}:0}:roster:p`

  it('are added, removed, weighed and drained everywhere, and it is known by whom', async () => {
    const all = await Promise.all([start(), start(), start()])
    const [one, other] = all
    const events: string[] = []
    other.on('backendAdded', ({ name }) => events.push(`+${name}`))
    other.on('backendUpdated', ({ name }) => events.push(`~${name}`))
    other.on('backendRemoved', ({ name }) => events.push(`-${name}`))
    const { roster } = one.pool()
    expect(roster.version).to.equal(0)
    expect(await roster.add({ name: 'd', address: '127.0.0.1:20' }, { actor: 'alice' })).to.equal(1)
    expect(seen(one)).to.equal('a1 b1 c1 d1')
    await agree(all, 'a1 b1 c1 d1')
    await other.pool().roster.update('b', { weight: 3 })
    await one.pool().roster.update('a', { state: 'drain' })
    await one.pool().roster.remove('c')
    await agree(all, 'a1drain b3 d1')
    expect(events).to.include.members(['+d', '~b', '~a', '-c'])
    await until('all to know the version', () => all.every(balancer => rosterOf(balancer).version === 4))
    const { at = 0, ...status } = rosterOf(other)
    expect(at).to.be.within(Date.now() - 600_000, Date.now() + 600_000)
    const by = one.stats().cluster?.member
    expect(status).to.deep.equal({ pool: 'p', version: 4, newest: 4, by, isLocal: false })
    const changes = await other.pool().roster.changes()
    expect(changes.map(({ version, actor, what }) => [version, actor, what])).to.deep.equal([
      [4, undefined, 'remove c'],
      [3, undefined, 'set a: state drain'],
      [2, undefined, 'set b: weight 3'],
      [1, 'alice', 'add d: address 127.0.0.1:20, weight 1, maxSessions 0, backup false, state ready'],
    ])
    expect(() => one.pool().add({ name: 'e', address: '127.0.0.1:21' })).to.throw('pool.roster')
    expect(await refusal(roster.add({ name: 'd', address: '127.0.0.1:20' }))).to.equal('LIMPET_ERR_BACKEND_EXISTS')
    expect(await refusal(roster.remove('c'))).to.equal('LIMPET_ERR_UNKNOWN_BACKEND')
  })

  it('hold both where two are changed at once, and only one where the version was said', async () => {
    const all = (await Promise.all([start(), start()])) as [Balancer, Balancer]
    const names = ['d', 'e', 'f', 'g']
    await Promise.all(
      names.map((name, at) => all[at % 2]?.pool().roster.add({ name, address: `127.0.0.1:${30 + at}` })),
    )
    await until('both to have all', () =>
      all.every(balancer => seen(balancer).length === 'a1 b1 c1 d1 e1 f1 g1'.length),
    )
    for (const name of names) for (const balancer of all) expect(seen(balancer)).to.include(name)
    const raced = all.map(balancer => refusal(balancer.pool().roster.update('a', { weight: 2 }, { ifVersion: 4 })))
    expect((await Promise.all(raced)).sort()).to.deep.equal(['LIMPET_ERR_ROSTER_VERSION', 'none'])
  })

  it('are changed by the admin API with the version as entity tag', async () => {
    const [one, other] = (await Promise.all([start(), start()])) as [Balancer, Balancer]
    const { port } = one.adminAddress() as { port: number }
    const admin = new AdminClient({ host: '127.0.0.1', port }, TOKEN)
    const drain = async (version: string, query = '') =>
      await admin.ask('PATCH', `/v1/pools/p/backends/b${query}`, {
        body: { state: 'drain' },
        headers: { 'if-match': version, 'limpet-actor': 'bob' },
      })
    expect((await admin.ask('GET', '/v1/pools/p/backends')).headers.etag).to.equal('"0"')
    const refused = await drain('"7"')
    expect([refused.status, JSON.parse(refused.text).error.code]).to.deep.equal([412, 'LIMPET_ERR_ROSTER_VERSION'])
    expect((await drain('seven')).status).to.equal(400)
    const done = await drain('"0"')
    expect([done.status, done.headers.etag]).to.deep.equal([200, '"1"'])
    await agree([one, other], 'a1 b1drain c1')
    const { changes } = JSON.parse((await admin.ask('GET', '/v1/pools/p/roster/changes?limit=1')).text)
    expect(changes[0]).to.include({ version: 1, actor: 'bob', what: 'set b: state drain' })
    const forgotten = await admin.ask('DELETE', '/v1/pools/p/roster')
    expect([forgotten.status, JSON.parse(forgotten.text)]).to.deep.equal([200, { version: 2 }])
    await agree([one, other], 'a1 b1 c1')
    await client.command('HSET', key(), 'version', '3', 'overlay', '?')
    await until('that to be told', () => rosterOf(one).error !== undefined)
    const ready = await admin.ask('GET', '/readyz')
    expect([ready.status, ready.text]).to.deep.equal([
      200,
      `degraded: the shared backends of the pool p cannot be used (${rosterOf(one).error})\n`,
    ])
    const metrics = (await admin.ask('GET', '/metrics')).text
    expect(metrics).to.include('limpet_cluster_roster_version{pool="p"} 2\n')
  })

  it('are those of the roster before the first client, and after a reload', async () => {
    const one = await start()
    await one.pool().roster.update('a', { state: 'maint' })
    await one.pool().roster.remove('c')
    const more = options({ backends: [...BACKENDS, { name: 'd', address: '127.0.0.1:20' }] })
    const state = join(directory.path, 'state')
    const other = await start({ ...more, state })
    expect(seen(other)).to.equal('a1maint b1 d1')
    expect(rosterOf(other).version).to.equal(2)
    await until('the state file to have it', () => /"removed": \[\s*"c"/.test(readFileSync(state, 'utf8')))
    await one.reload(options({ backends: BACKENDS.map(backend => ({ ...backend, weight: 2 })) }))
    expect(seen(one)).to.equal('a2maint b2')
    await until('their versions to be the same, but not their backends', () => {
      const differences = other.stats().cluster?.members.find(({ isLive }) => isLive)?.differences ?? []
      return differences.length === 3 && differences.every(text => /weight of|is not there/.test(text))
    })
    await other.pool().roster.forget()
    await agree([one], 'a2 b2 c2')
    expect(seen(other)).to.equal('a1 b1 d1 c1')
  })

  it('are changed here only where that is wanted, or nowhere, while the store is away', async () => {
    const balancer = await start(options({}, NOWHERE))
    const { roster } = balancer.pool()
    expect(await refusal(roster.remove('a'))).to.equal('LIMPET_ERR_CLUSTER_AWAY')
    expect(await refusal(roster.changes())).to.equal('LIMPET_ERR_CLUSTER_AWAY')
    expect(seen(balancer)).to.equal('a1 b1 c1')
    expect(await roster.remove('a', { local: true })).to.equal(undefined)
    expect(seen(balancer)).to.equal('b1 c1')
    expect(rosterOf(balancer)).to.include({ version: 0, isLocal: true })
  })

  it('stay as they are where the store has nonsense, until it is forgotten', async () => {
    const one = await start()
    await one.pool().roster.update('a', { weight: 5 })
    const nonsense = [
      ['version', '9', 'overlay', '{'],
      ['version', '10', 'overlay', '{"added":[],"changed":{"a":{"health":{"type":"expect"}}},"removed":[]}'],
    ]
    for (const fields of nonsense) {
      await client.command('HSET', key(), ...fields)
      const before = rosterOf(one).error
      await until('it to be told', () => rosterOf(one).error !== undefined && rosterOf(one).error !== before)
      expect(seen(one)).to.equal('a5 b1 c1')
    }
    const other = await start()
    expect(seen(other)).to.equal('a1 b1 c1')
    await client.command('HSET', key(), 'overlay', '?', 'version', '14')
    expect(await refusal(one.pool().roster.update('b', { weight: 2 }))).to.equal('LIMPET_ERR_ROSTER_REFUSED')
    expect(await other.pool().roster.forget()).to.equal(15)
    await agree([one, other], 'a1 b1 c1')
    expect(rosterOf(one)).to.not.have.property('error')
  })

  it('are told again to a store that was emptied', async () => {
    const [one, other] = (await Promise.all([start(), start()])) as [Balancer, Balancer]
    await one.pool().roster.update('a', { state: 'drain' })
    await agree([one, other], 'a1drain b1 c1')
    await client.command('FLUSHALL')
    await until('it to be there again', async () => (await client.command('HGET', key(), 'version')) === '1')
    expect(seen(one)).to.equal('a1drain b1 c1')
    expect(await other.pool().roster.update('b', { weight: 2 })).to.equal(2)
    await agree([one, other], 'a1drain b2 c1')
  })

  it('lead no client elsewhere whose pin another balancer has', async () => {
    const all = (await Promise.all([1, 2].map(() => start(options({ boundedLoad: 'off' }))))) as [Balancer, Balancer]
    await until('both to know each other', () => all.every(one => one.stats().cluster?.members[0]?.isLive === true))
    const visit = (balancer: Balancer, client: string): string => {
      const decision = balancer.pick(client)
      decision.release()
      return decision.backend
    }
    const clients = Array.from({ length: CLIENTS }, (_, at) => `10.0.${at >> 8}.${at & 255}`)
    const visited = new Map(clients.map((client, at) => [client, visit(all[at % 2] as Balancer, client)]))
    const lost = (balancer: Balancer): string[] => clients.filter(one => visit(balancer, one) !== visited.get(one))
    await all[0].pool().roster.add({ name: 'd', address: '127.0.0.1:20' })
    expect(lost(all[0])).to.deep.equal([])
    await agree(all, 'a1 b1 c1 d1')
    expect(lost(all[1])).to.deep.equal([])
  })
})
