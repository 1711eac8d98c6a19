import { expect } from 'chai'
import { requirePeer } from '../helpers/peers.ts'
import { RedisServer } from '../helpers/redis.ts'
import { rounds } from '../helpers/soak.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { Cut } from './cut.ts'
import { client, Member } from './members.ts'

const CLIENTS = rounds(500, 5000)

describe('a balancer that is cut off from the store', function () {
  this.timeout(TEST_MS)
  let program: string

  before(function () {
    program = requirePeer(this, 'redis-server')
  })

  it('is told what it missed, and tells what became exceptions meanwhile', async () => {
    await using server = await RedisServer.bare(program, [])
    await using way = await Cut.open(server.port)
    await using one = await Member.start(`redis://${way.address}`)
    await using other = await Member.start(`redis://${server.address}`)
    const clients = Array.from({ length: CLIENTS }, (_, at) => client(at))
    const before = new Map(clients.map(address => [address, one.visit(address)]))
    const early = one.pinAway(10, CLIENTS)
    await other.adopted(10)

    way.cut(true)
    await one.becomes('cut off', ({ isSynced, error }) => !isSynced && error !== undefined)
    await other.becomes('alone', ({ members }) => members.every(({ isLive }) => !isLive))
    const there = other.pinAway(20, CLIENTS + 10)
    const here = one.pinAway(20, CLIENTS + 30)
    // Homes move: clients that were at home with the one that is cut off become exceptions there.
    for (const { pool } of [one, other]) pool.update('d', { weight: 4 })
    const moved = clients.filter(address => one.pool.explain(address).home !== before.get(address))
    expect(moved).to.have.length.above(CLIENTS / 10)

    way.cut(false)
    const all = new Map([...early, ...there, ...here, ...before])
    const knows = (member: Member, pins: Iterable<[string, string]>): boolean =>
      [...pins].every(([address, name]) => (member.pool.table.get(address)?.backend ?? '') === name)
    await one.becomes('back', ({ isSynced, error, resyncs }) => isSynced && error === undefined && resyncs >= 2)
    await until(
      'both to know all',
      () =>
        knows(one, all) &&
        knows(other, [
          ...early,
          ...there,
          ...here,
          ...moved.map((address): [string, string] => [address, before.get(address) ?? '']),
        ]),
      () => [one.status, other.status],
    )
    for (const [address, name] of all) expect(other.visit(address)).to.equal(name)
  })
})
