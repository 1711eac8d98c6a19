import { expect } from 'chai'
import fc from 'fast-check'
import { Balancer } from '../../src/balancer.ts'
import type { BackendOptions, PlacementAlgorithm, PoolOptions } from '../../src/config/options.ts'
import { Placement } from '../../src/core/placement.ts'
import type { Plan, PlanChange } from '../../src/pool/plan.ts'
import type { Pool } from '../../src/pool/pool.ts'
import { addressLines } from '../helpers/oracle/homes.ts'
import { rounds } from '../helpers/soak.ts'
import { thrownCode } from '../lifecycle/helpers.ts'

const SECRET = 'a secret of tests'
const KEYS = 20_000
const LINES = addressLines(KEYS)
/** Five standard deviations of a share of that many keys. */
const TOLERANCE = (5 * 0.5) / Math.sqrt(KEYS)

function backend(name: string, weight = 1): BackendOptions {
  return { name, weight, address: '127.0.0.1:9000' }
}

function poolOf(backends: BackendOptions[], more: PoolOptions = {}): Pool {
  const pools = { p: { secret: SECRET, stickTable: { size: 10_000 }, backends, ...more } }
  return new Balancer({ pools, log: { level: 'silent' } }).pool()
}

function homes(pool: Pool): string[] {
  const lines = pool.homes(LINES).output.toString().trimEnd().split('\n')
  return lines.map(line => line.split(' ')[1] ?? '')
}

/** Makes the change that was planned. */
function apply(pool: Pool, { add = [], remove = [], update = {} }: PlanChange): void {
  for (const name of remove) pool.remove(name)
  for (const [name, changes] of Object.entries(update)) pool.update(name, changes)
  for (const options of add) pool.add(options)
}

function sharesOf(pool: Pool, placement: PlacementAlgorithm): Map<string, number> {
  return new Placement({ backends: pool.backends(), placement, secret: SECRET }).shares()
}

function expectShares(found: Map<string, number>, plan: Plan, side: 'before' | 'after', tolerance: number): void {
  for (const entry of plan.backends) {
    expect(entry[side], `${entry.name} ${side}`).to.be.closeTo(found.get(entry.name) ?? 0, tolerance)
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

const weights = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 8 })

/** A pool, and any change of it. */
const changes = fc
  .record({
    weights,
    removed: fc.array(fc.nat(7)),
    raised: fc.array(fc.tuple(fc.nat(7), fc.integer({ min: 0, max: 4 }))),
    added: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
  })
  .map(({ weights, removed, raised, added }) => {
    const backends = weights.map((weight, index) => backend(`b${index}`, weight))
    const remove = [...new Set(removed)].filter(index => index < weights.length).map(index => `b${index}`)
    const stays = raised.filter(([index]) => index < weights.length && !remove.includes(`b${index}`))
    const update = Object.fromEntries(stays.map(([index, weight]) => [`b${index}`, { weight }]))
    return { backends, change: { remove, update, add: added.map((weight, index) => backend(`n${index}`, weight)) } }
  })

describe('pool.plan()', () => {
  for (const placement of ['rendezvous', 'ring'] as const) {
    it(`tells what the change then does (${placement})`, () => {
      const property = fc.property(changes, ({ backends, change }) => {
        const pool = poolOf(backends, { placement })
        const digest = pool.digest
        const before = homes(pool)
        const plan = pool.plan(change)
        expect([pool.digest, homes(pool)]).to.deep.equal([digest, before])
        const slack = plan.isExact ? 1e-12 : 0.003
        expectShares(sharesOf(pool, placement), plan, 'before', slack)

        apply(pool, change)
        const after = homes(pool)
        expectShares(sharesOf(pool, placement), plan, 'after', slack)
        const moved = before.filter((home, index) => home !== after[index]).length
        expect(plan.homesMoved).to.be.closeTo(moved / KEYS, TOLERANCE)
        expect(sum(plan.moves.map(({ share }) => share))).to.be.closeTo(plan.homesMoved, 1e-9)
        if (!plan.isExact) return
        const planned = new Set(plan.moves.map(({ from, to }) => `${from ?? '-'} ${to ?? '-'}`))
        for (const [index, home] of before.entries()) {
          if (home !== after[index]) expect([...planned]).to.include(`${home} ${after[index]}`)
        }
      })
      fc.assert(property, { numRuns: rounds(4, 12) })
    })

    it(`a removal moves the homes of the removed one, and no others (${placement})`, () => {
      const plan = poolOf(
        ['a', 'b', 'c', 'd'].map(name => backend(name)),
        { placement },
      ).plan({ remove: ['b'] })
      const [own] = plan.backends.filter(({ name }) => name === 'b')
      expect(own?.after).to.equal(0)
      expect(plan.homesMoved).to.equal(own?.before)
      expect(new Set(plan.moves.map(({ from }) => from))).to.deep.equal(new Set(['b']))
      for (const { name, before, after } of plan.backends) if (name !== 'b') expect(after).to.be.greaterThan(before)
    })
  }

  it('a heavier backend only gains, the more the heavier it is; a lighter one only loses', () => {
    const pool = poolOf(['a', 'b', 'c'].map(name => backend(name, 2)))
    let least = 0
    for (const weight of [3, 4, 6, 12]) {
      const { moves, homesMoved } = pool.plan({ update: { b: { weight } } })
      expect(new Set(moves.map(({ to }) => to))).to.deep.equal(new Set(['b']))
      expect(homesMoved).to.be.greaterThan(least)
      least = homesMoved
    }
    const { moves } = pool.plan({ update: { b: { weight: 1 } } })
    expect(new Set(moves.map(({ from }) => from))).to.deep.equal(new Set(['b']))
  })

  it('is exact for few backends, and says the size of its sample for many', () => {
    expect(poolOf([backend('a'), backend('b')]).plan({ remove: ['a'] })).to.include({ sample: 2 ** 20, isExact: true })
    const many = poolOf(Array.from({ length: 1000 }, (_, index) => backend(`b${index}`)))
    const plan = many.plan({ add: [backend('new', 100)] })
    expect(plan.isExact).to.equal(false)
    expect(plan.sample).to.be.within(10_000, 100_000)
    const longer = many.plan({ add: [backend('new', 100)] }, { timeMs: 200 })
    expect(longer.sample).to.be.closeTo(4 * plan.sample, 4)
    expect(many.plan({}, { timeMs: 1 }).sample).to.be.closeTo(plan.sample / 50, 50)
    for (const timeMs of [0, 1.5, 1e9]) expect(() => many.plan({}, { timeMs })).to.throw(RangeError, /timeMs/)
    expect(plan.homesMoved).to.be.closeTo(100 / 1100, (0.5 * 5) / Math.sqrt(plan.sample))
  })

  it('knows places without a home', () => {
    const empty = poolOf([])
    expect(empty.plan({})).to.deep.include({ homesMoved: 0, backends: [], moves: [] })
    expect(empty.plan({ add: [backend('a')] }).moves).to.deep.equal([{ from: null, to: 'a', share: 1 }])
    expect(poolOf([backend('a')]).plan({ update: { a: { weight: 0 } } }).moves).to.deep.equal([
      { from: 'a', to: null, share: 1 },
    ])
  })

  it('counts pins and sessions of those that are removed or serve nobody, and of no others', () => {
    const pool = poolOf(
      ['a', 'b', 'c'].map(name => backend(name)),
      { boundedLoad: 'off' },
    )
    const decisions = Array.from({ length: 600 }, (_, index) => pool.pick(`198.51.${index >> 8}.${index & 255}`))
    const on = (name: string): number => decisions.filter(decision => decision.backend === name).length
    const open = decisions.filter((decision, index) => index % 3 === 0 || decision.release() !== undefined)
    const openOn = (name: string): number => open.filter(decision => decision.backend === name).length
    const counts = (change: PlanChange): [number, number] => {
      const { pinsMoved, sessionsMoved } = pool.plan(change)
      return [pinsMoved, sessionsMoved]
    }
    expect(on('a')).to.be.greaterThan(openOn('a'))
    expect(counts({ remove: ['a'] })).to.deep.equal([on('a'), openOn('a')])
    expect(counts({ update: { b: { state: 'maint' } } })).to.deep.equal([on('b'), openOn('b')])
    expect(counts({ remove: ['a'], update: { b: { state: 'drain-hard' } } })).to.deep.equal([
      on('a') + on('b'),
      openOn('a') + openOn('b'),
    ])
    for (const change of [{ add: [backend('d')] }, { update: { a: { weight: 9, state: 'drain' as const } } }])
      expect(counts(change)).to.deep.equal([0, 0])
    pool.remove('a')
    pool.add(backend('a'))
    expect(counts({ remove: ['a'] })).to.deep.equal([0, 0])
  })

  it('refuses what the change itself would refuse', () => {
    const pool = poolOf([backend('a'), backend('b')])
    const codes: [unknown, string][] = [
      [{ remove: ['x'] }, 'LIMPET_ERR_UNKNOWN_BACKEND'],
      [{ remove: ['a', 'a'] }, 'LIMPET_ERR_UNKNOWN_BACKEND'],
      [{ remove: ['a'], update: { a: {} } }, 'LIMPET_ERR_UNKNOWN_BACKEND'],
      [{ add: [backend('a')] }, 'LIMPET_ERR_BACKEND_EXISTS'],
      [{ add: [backend('c', -1)] }, 'LIMPET_ERR_CONFIG'],
      [{ ad: [] }, 'LIMPET_ERR_CONFIG'],
      [undefined, 'LIMPET_ERR_CONFIG'],
    ]
    for (const [change, code] of codes) expect(thrownCode(() => pool.plan(change as PlanChange))).to.equal(code)
    expect(pool.plan({ remove: ['a'], add: [backend('a')] }).homesMoved).to.equal(0)
    const ring = poolOf([backend('a')], { placement: 'ring' })
    expect(thrownCode(() => ring.plan({ add: [backend('b', 65_535)] }))).to.equal('LIMPET_ERR_CONFIG')
  })

  it('names the place of what is wrong', () => {
    const pool = poolOf([backend('a')])
    expect(() => pool.plan({ add: [backend('b'), { ...backend('c'), address: 'nowhere' }] })).to.throw(
      /add\[1\]\.address/,
    )
    expect(() => pool.plan({ update: { a: { weigth: 2 } as never } })).to.throw(
      /update\.a\.weigth.*did you mean "weight"/s,
    )
  })
})
