import { expect } from 'chai'
import { describeConfig } from '../../../src/config/describe.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { Balancer, type LimpetConfigError, Placement, type PoolOptions } from '../../../src/index.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']
const BACKENDS = NAMES.map((name, at) => ({ name, address: `127.0.0.1:${at + 1}` }))

function open(affinity: NonNullable<PoolOptions['affinity']>): Balancer {
  return new Balancer({ pools: { p: { secret: 'ipv6Prefix: auto', affinity, backends: BACKENDS } } })
}

/** Of the block of this number. */
function address(block: number, subnet: number, host = 1): string {
  return `2001:db8:${block.toString(16)}:1${subnet.toString(16).padStart(2, '0')}::${host.toString(16)}`
}

function hold(balancer: Balancer, client: string): string {
  const decision = balancer.pick(client)
  decision.release()
  return decision.backend
}

describe('affinity.ipv6Prefix: auto', () => {
  it('is told as it was given, beside hotKey as it was given', () => {
    const described = (affinity: PoolOptions['affinity']): unknown =>
      describeConfig(resolveOptions({ pools: { p: { affinity } } })).pools.p?.affinity
    expect(described({ ipv6Prefix: 'auto' })).to.include({ ipv6Prefix: 'auto', hotKey: 'off' })
    expect(described({})).to.include({ ipv6Prefix: 64 })
    const hotKey = { share: 0.25, spread: 8, by: 'port' }
    expect(described({ ipv6Prefix: 'auto', hotKey })).to.deep.include({ ipv6Prefix: 'auto', hotKey })
  })

  it('wants a stick table, and no other word', () => {
    const problem = (options: PoolOptions): unknown => {
      try {
        resolveOptions({ pools: { p: options } })
      } catch (error) {
        return (error as LimpetConfigError).problems[0]
      }
      return undefined
    }
    const path = 'pools.p.affinity.ipv6Prefix'
    expect(problem({ stickTable: 'off', affinity: { ipv6Prefix: 'auto' } })).to.include({ path })
    for (const ipv6Prefix of ['Auto', 0, 129]) {
      expect(problem({ affinity: { ipv6Prefix: ipv6Prefix as 'auto' } })).to.include({ path })
    }
  })

  it('has the homes of 56, another digest, and the keys of 64', async () => {
    await using auto = open({ ipv6Prefix: 'auto' })
    await using wide = open({ ipv6Prefix: 56 })
    await using narrow = open({})
    const placement = new Placement({ backends: BACKENDS, secret: 'ipv6Prefix: auto', ipv6Prefix: 'auto' })
    for (let block = 0; block < 50; block++) {
      for (const subnet of [0, 1, 255]) {
        const found = auto.pool().explain(address(block, subnet))
        expect(found.home).to.equal(wide.pool().explain(address(block, 0)).home)
        expect(found.home).to.equal(placement.home(address(block, subnet)))
        expect(found.key).to.equal(narrow.pool().explain(address(block, subnet)).key)
        expect(found.homeKey).to.equal(wide.pool().explain(address(block, subnet)).key)
      }
    }
    expect(new Set([auto, wide, narrow].map(balancer => balancer.pool().digest)).size).to.equal(3)
    expect(auto.pool().explain('192.0.2.1')).to.include({ key: '192.0.2.1/32', homeKey: undefined })
    expect(narrow.pool().explain(address(1, 1)).homeKey).to.equal(undefined)
  })

  it('keeps a subscriber where it was sent, through all its /64s, and says so', async () => {
    await using balancer = open({ ipv6Prefix: 'auto' })
    const pool = balancer.pool()
    const home = pool.explain(address(1, 0)).home ?? ''
    pool.update(home, { state: 'maint' })
    const other = hold(balancer, address(1, 0))
    expect(other).to.not.equal(home)
    pool.update(home, { state: 'ready' })
    for (let subnet = 1; subnet < 100; subnet++) {
      const told = pool.explain(address(1, subnet))
      expect(told).to.include({ home, blockPin: other, pin: undefined })
      expect(told.next).to.include({ backend: other, reason: 'pin' })
      expect(hold(balancer, address(1, subnet))).to.equal(other)
    }
    expect(hold(balancer, address(2, 0))).to.equal(pool.explain(address(2, 0)).home)
  })

  it('spreads the clients of a hot /64 by their addresses, and no IPv4 client', async () => {
    await using balancer = open({ ipv6Prefix: 'auto' })
    const seen = new Set<string>()
    for (let host = 1; host <= 200; host++) {
      seen.add(balancer.pick(address(1, 0, host)).backend)
      balancer.pick('192.0.2.1')
    }
    expect(seen.size).to.be.within(2, 4)
    expect(balancer.pool().explain(address(1, 0)).spread).to.have.length.within(2, 4)
    expect(balancer.pool().explain('192.0.2.1').spread).to.equal(undefined)
    expect(balancer.stats().pools.p).to.include({ hotKeys: 1 })
  })
})
