import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { Balancer } from '../../src/balancer.ts'
import type { ClientsMoved } from '../../src/balancer-types.ts'
import type { PoolOptions } from '../../src/config/options.ts'
import type { PlanChange } from '../../src/pool/plan.ts'
import { within } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c', 'd']

describe('what changes have moved', () => {
  const opened: Balancer[] = []

  afterEach(async () => {
    for (const balancer of opened.splice(0)) await balancer.close()
  })

  function make(pool: Partial<PoolOptions> = {}): Balancer {
    const backends = NAMES.map(name => ({ name, address: '127.0.0.1:1' }))
    const balancer = new Balancer({
      pools: { p: { secret: 'a secret of tests', stickTable: { size: 1000 }, backends, ...pool } as PoolOptions },
      log: { level: 'silent' },
    })
    opened.push(balancer)
    return balancer
  }

  async function movedBy(balancer: Balancer, change: () => void): Promise<ClientsMoved> {
    const told = once(balancer, 'clientsMoved') as Promise<[ClientsMoved]>
    change()
    const [moved] = await within('the event', told)
    const { pool, ...rest } = moved
    expect(pool).to.equal('p')
    expect(balancer.stats().pools.p?.lastMove).to.deep.equal(rest)
    return moved
  }

  function expectPlanned(moved: ClientsMoved, balancer: Balancer, change: PlanChange): void {
    const { homesMoved } = balancer.pool().plan(change)
    expect(moved.homesMoved).to.be.closeTo(homesMoved, 5 / Math.sqrt(moved.sample))
  }

  for (const placement of ['rendezvous', 'ring'] as const) {
    it(`is what a plan of the same change says (${placement})`, async () => {
      const [balancer, before] = [make({ placement }), make({ placement })]
      expect(balancer.stats().pools.p).not.to.have.property('lastMove')
      const weight = await movedBy(balancer, () => balancer.pool().update('a', { weight: 3 }))
      expectPlanned(weight, before, { update: { a: { weight: 3 } } })
      expect(weight.homesMoved).to.be.within(0.1, 0.5)
      expect(weight.pinsMoved).to.equal(0)
      before.pool().update('a', { weight: 3 })
      const both = await movedBy(balancer, () => {
        balancer.pool().remove('b')
        balancer.pool().add({ name: 'e', address: '127.0.0.1:1' })
      })
      expectPlanned(both, before, { remove: ['b'], add: [{ name: 'e', address: '127.0.0.1:1' }] })
    })
  }

  it('has the pins of those that serve nobody any more', async () => {
    const balancer = make()
    const pool = balancer.pool()
    for (let client = 1; client <= 30; client++) pool.table.set(`192.0.2.${client}`, client <= 20 ? 'a' : 'b')
    const hard = await movedBy(balancer, () => pool.update('a', { state: 'maint' }))
    expect([hard.homesMoved, hard.pinsMoved]).to.deep.equal([0, 20])
    const removed = await movedBy(balancer, () => pool.remove('b'))
    expect(removed.pinsMoved).to.equal(10)
    expect(removed.homesMoved).to.be.closeTo(0.25, 0.05)
  })

  it('is not told where nothing moves, nor of a ring that is too large', async () => {
    const told: ClientsMoved[] = []
    const [small, large] = [make(), make({ placement: 'ring' })]
    for (const balancer of [small, large]) balancer.on('clientsMoved', moved => told.push(moved))
    small.pool().update('a', { maxSessions: 7 })
    small.pool().update('a', { state: 'drain' })
    large.pool().update('a', { weight: 5000 })
    await nextTurn()
    await nextTurn()
    expect(told).to.deep.equal([])
    expect(small.stats().pools.p).not.to.have.property('lastMove')
  })

  it('is not looked for once the balancer is closed', async () => {
    const balancer = make()
    balancer.on('clientsMoved', () => expect.fail('it was told'))
    balancer.pool().update('a', { weight: 3 })
    balancer.destroy()
    await nextTurn()
    await nextTurn()
  })
})
