import { expect } from 'chai'
import { Balancer } from '../../../src/balancer.ts'
import type { BackendOptions, PoolOptions } from '../../../src/config/options.ts'
import type { Pool } from '../../../src/pool/pool.ts'

const ADDRESS = '127.0.0.1:9'

function poolOf(boundedLoad: PoolOptions['boundedLoad'], backends: Omit<BackendOptions, 'address'>[]): Pool {
  const withAddress = backends.map(backend => ({ address: ADDRESS, ...backend }))
  const pools = { p: { secret: 'a secret of tests', stickTable: 'off' as const, boundedLoad, backends: withAddress } }
  return new Balancer({ pools, log: { level: 'silent' } }).pool()
}

const bounds = (pool: Pool): unknown => pool.backends().map(({ bound }) => bound)

/** Clients without a pin: each picks anew. */
function pickMany(pool: Pool, count: number): void {
  for (let client = 0; client < count; client++) pool.pick(`198.51.${client >> 8}.${client & 255}`)
}

describe('the bound that is told of a backend', () => {
  it('is its share of the sessions and one more, and at least one', () => {
    const pool = poolOf(1, [{ name: 'a' }, { name: 'b', weight: 3 }])
    expect(bounds(pool)).to.deep.equal([1, 1])
    pickMany(pool, 7)
    expect(bounds(pool)).to.deep.equal([2, 6])
    pickMany(pool, 1)
    expect(bounds(pool)).to.deep.equal([3, 7])
  })

  it('is in whole thousandths: 1.1 · 50 is 55', () => {
    const pool = poolOf(1.1, [{ name: 'a' }])
    pickMany(pool, 49)
    expect(bounds(pool)).to.deep.equal([55])
  })

  it('does not run over', () => {
    const heavy = Array.from({ length: 3 }, (_, at) => ({ name: `b${at}`, weight: 65_535 }))
    const pool = poolOf(1000, heavy)
    pickMany(pool, 2000)
    expect(bounds(pool)).to.deep.equal(heavy.map(() => Math.ceil((1000 * 2001) / 3)))
  })

  it('is that of picks: who has fewer gets the next, and nobody gets more', () => {
    const pool = poolOf(1.25, [{ name: 'a' }, { name: 'b' }, { name: 'c', weight: 2 }])
    for (let client = 0; client < 500; client++) {
      const before = new Map(pool.backends().map(info => [info.name, info]))
      const { backend } = pool.pick(`198.51.100.${client & 255}`)
      const { sessions, bound } = before.get(backend) ?? {}
      expect(sessions).to.be.below(bound ?? 0)
    }
  })

  it('is null for those that get no new clients, who do not count for the others', () => {
    const pool = poolOf(1, [
      { name: 'a' },
      { name: 'b', weight: 0 },
      { name: 'c', state: 'drain' },
      { name: 'd', state: 'maint' },
      { name: 'e', maxSessions: 1 },
    ])
    expect(bounds(pool)).to.deep.equal([1, null, null, null, 1])
    pickMany(pool, 9)
    expect(bounds(pool)).to.deep.equal([9, null, null, null, null])
    pool.update('a', { state: 'drain' })
    expect(bounds(pool)).to.deep.equal([null, null, null, null, null])
    pool.update('c', { state: 'ready' })
    expect(bounds(pool)).to.deep.equal([null, null, 1, null, null])
  })

  it('is null where there is none', () => {
    const pool = poolOf('off', [{ name: 'a' }])
    pickMany(pool, 3)
    expect(bounds(pool)).to.deep.equal([null])
  })

  it('stays with its name when others are removed and added', () => {
    const pool = poolOf(1, [{ name: 'a' }, { name: 'b' }, { name: 'c', state: 'drain' }])
    pickMany(pool, 4)
    pool.remove('a')
    pool.add({ name: 'd', address: ADDRESS, weight: 3 })
    const told = Object.fromEntries(pool.backends().map(({ name, bound }) => [name, bound]))
    const sessions = pool.backends().find(({ name }) => name === 'b')?.sessions ?? 0
    const total = sessions + 1
    expect(told).to.deep.equal({ b: Math.ceil(total / 4), c: null, d: Math.ceil((3 * total) / 4) })
  })
})
