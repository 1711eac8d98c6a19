import { lookup } from 'node:dns/promises'
import { expect } from 'chai'
import { rdpRequest } from '../../src/bench/keys/heads.ts'
import type { AffinityOptions, PoolOptions } from '../../src/index.ts'
import { clientAddress } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, echo } from '../helpers/servers.ts'
import { routingToken } from './answers.ts'

const NAMES = ['a', 'b', 'c']

forEachRelay('routing tokens', pair => {
  let backends: Backend[]

  beforeEach(async () => {
    backends = await Promise.all(NAMES.map(name => Backend.start({ name, serve: echo })))
  })
  afterEach(async () => {
    await Promise.all(backends.map(backend => backend[Symbol.asyncDispose]()))
  })

  const open = async (affinity: AffinityOptions, pool: Omit<PoolOptions, 'backends'> = {}): Promise<Rig> =>
    await Rig.open(pair, {
      backends,
      pool: { boundedLoad: 'off', ...pool, affinity },
      listener: { peek: { timeout: '60s' } },
    })

  /** Says that, gets it back, and leaves; returns who has served it. */
  async function visit(rig: Rig, line: string, from = '127.0.0.1'): Promise<string | undefined> {
    const before = backends.map(({ accepted }) => accepted)
    const client = await rig.connect({ localAddress: from })
    const request = rdpRequest(line)
    await client.send(request)
    const back = await client.read(request.length)
    client.destroy()
    if (back.length === 0) return undefined
    expect(back.equals(request)).to.equal(true)
    return backends.find(({ accepted }, at) => accepted > (before[at] ?? 0))?.name
  }

  const tokenOf = ({ port }: { port: number }): string => routingToken('127.0.0.1', port)
  const decisionsOf = (rig: Rig): Record<string, number> | undefined => rig.stats.pools[rig.pool]?.decisions

  it('are those of the documentation', () => {
    expect(routingToken('172.31.249.216', 3389)).to.equal('Cookie: msts=3640205228.15629.0000')
  })

  it('lead to the backend of their address, whoever has them, and make no pin', async () => {
    await using rig = await open({ key: 'rdp.token' })
    for (const backend of backends) {
      for (const n of [1, 2, 3]) expect(await visit(rig, tokenOf(backend), clientAddress(n))).to.equal(backend.name)
    }
    expect(decisionsOf(rig)?.cookie).to.equal(9)
    expect(rig.counters.keyFound).to.equal(9)
    for (const n of [1, 2, 3]) expect(rig.balancer.pool().explain(clientAddress(n)).pin).to.equal(undefined)
  })

  it('of nobody, and requests without one, leave the next key to decide', async () => {
    await using rig = await open({ key: ['rdp.token', 'rdp.cookie'], fallback: 'refuse' })
    const home = rig.balancer.pool().explain(Buffer.from('ann')).home
    expect(await visit(rig, 'Cookie: mstshash=ann')).to.equal(home)
    for (const token of [routingToken('127.0.0.9', 1), routingToken('127.0.0.1', 1), 'Cookie: msts=7']) {
      expect(await visit(rig, token)).to.equal(undefined)
    }
    expect(rig.counters.refusedNoKey).to.equal(3)
    expect(await visit(rig, tokenOf(backends[1] as Backend))).to.equal('b')
  })

  it('lead to a backend that drains, and to none that is away', async () => {
    await using rig = await open({ key: 'rdp.token' })
    const [first, second] = backends as [Backend, Backend]
    const pool = rig.balancer.pool()
    await pool.update('a', { state: 'drain' })
    await pool.update('b', { state: 'maint' })
    expect(await visit(rig, tokenOf(first))).to.equal('a')
    expect(await visit(rig, tokenOf(second))).to.equal('c')
    expect(pool.explain('127.0.0.1').pin?.backend).to.equal('c')
  })

  it('of a backend that does not answer, or is full, leave their clients to the others', async () => {
    for (const fallback of ['source', 'random', 'refuse'] as const) {
      await using rig = await open({ key: 'rdp.token', fallback })
      const [first] = backends as [Backend]
      await rig.balancer.pool().update('a', { maxSessions: 1 })
      const client = await rig.connect()
      await client.send(rdpRequest(tokenOf(first)))
      await client.read(1)
      expect(rig.loads.a).to.equal(1)
      expect(await visit(rig, tokenOf(first))).to.be.oneOf(['b', 'c'])
      client.destroy()
    }
    await using rig = await open({ key: 'rdp.token', fallback: 'refuse' })
    const [dead] = backends as [Backend]
    const token = tokenOf(dead)
    await dead.kill()
    expect(await visit(rig, token)).to.be.oneOf(['b', 'c'])
    expect(decisionsOf(rig)?.redispatch).to.equal(1)
  })

  it('know a backend with a host name by the address that this has', async function () {
    const { address, family } = await lookup('localhost')
    if (family !== 4) this.skip()
    const [first] = backends as [Backend]
    await using rig = await Rig.open(pair, {
      backends: [
        { name: 'named', address: `localhost:${first.port}` },
        ...backends.slice(1).map(({ name, address: other }) => ({ name, address: other })),
      ],
      pool: { affinity: { key: 'rdp.token' } },
      listener: { peek: { timeout: '60s' } },
    })
    for (const n of [1, 2, 3, 4]) {
      expect(await visit(rig, routingToken(address, first.port), clientAddress(n))).to.equal('a')
    }
  })
})
