import { expect } from 'chai'
import { type NativePool, Outcome } from '../../../src/native.ts'
import { addressLines, homesOf } from '../../helpers/oracle/homes.ts'
import { type Picked, pick } from '../../helpers/oracle/picks.ts'
import { nthAddress, Random } from '../../helpers/oracle/random.ts'
import { chiSquare, chiSquareLimit, mean } from '../../helpers/oracle/statistics.ts'
import { equalBackends, nativePool, type PoolSetup } from '../../helpers/oracle/subject.ts'

interface Spill {
  /** Part of the sessions that are not at home. */
  share: number
  /** Place in the key's order where a session went, from 1: mean and greatest. */
  probes: number
  most: number
}

const SECRETS = ['one', 'two', 'three'].map(name => `secret ${name}`)

/** m sessions of different keys, held open, with several secrets. */
function spill(setup: PoolSetup, m: number, churn = 0): Spill {
  const runs = SECRETS.map(secret => {
    const pool = nativePool({ ...setup, secret })
    const probes: number[] = []
    const held: Picked[] = []
    const random = new Random(m)
    for (let i = 0; i < m + churn; i++) {
      if (i >= m) {
        // Somebody leaves before somebody else comes; only those who come then are counted.
        pool.release(held.splice(random.below(held.length), 1)[0]?.handle ?? -1, Outcome.served)
        if (i === m) probes.length = 0
      }
      const taken = pick(pool, nthAddress(i))
      held.push(taken)
      probes.push(taken.reason === 'home' ? 1 : place(pool, nthAddress(i), taken.backend))
    }
    return probes
  })
  const all = runs.flat()
  return { share: mean(all.map(probe => (probe > 1 ? 1 : 0))), probes: mean(all), most: Math.max(...all) }
}

/** Place of a backend in an address's order, from 1. */
function place(pool: NativePool, address: string, backend: number): number {
  return (pool.explain(address)?.order.indexOf(backend) ?? -1) + 1
}

describe('the spill', () => {
  // The rule of the paper has one capacity for the whole fill, ceil(c·m/n): the bound of the end, from the beginning.
  // Numbers: simulation of that rule with a random order of preference.
  for (const [algorithm, m, c, share, tolerance, probes] of [
    ['rendezvous', 1000, 1.25, 0.032, 0.015, 1.04],
    ['rendezvous', 1000, 1.1, 0.096, 0.025, 1.15],
    ['rendezvous', 1000, 1.5, 0.008, 0.006, 1.01],
    ['rendezvous', 1000, 2, 0, 0.001, 1],
    ['rendezvous', 10_000, 1.25, 0.002, 0.003, 1],
    ['ring', 1000, 1.25, 0.032, 0.025, 1.04],
    ['ring', 1000, 1.1, 0.105, 0.04, 1.18],
  ] as const) {
    it(`past the paper's capacity of c = ${c} at ${m} sessions on 100 backends (${algorithm})`, () => {
      const maxSessions = Math.ceil((c * m) / 100)
      const backends = equalBackends(100).map(backend => ({ ...backend, maxSessions }))
      const found = spill({ algorithm, backends }, m)
      expect(found.share).to.be.closeTo(share, tolerance)
      expect(found.probes).to.be.closeTo(probes, 0.05)
      expect(found.most).to.be.at.most(10)
    })
  }

  // The live bound is taken over the sessions of the moment, and nobody moves back: it spills more, see docs/bounded-load.md.
  for (const [m, c, fill, steady] of [
    [1000, 1.1, 0.312, 0.45],
    [1000, 1.25, 0.181, 0.141],
    [1000, 1.5, 0.087, 0.046],
    [1000, 2, 0.032, 0.002],
    [10_000, 1.25, 0.027, 0.002],
  ] as const) {
    it(`past the live bound of c = ${c} at ${m} sessions on 100 backends`, () => {
      const setup = { factor: c, backends: equalBackends(100) }
      // Means of 40 secrets; of three they differ by at most this.
      expect(spill(setup, m).share).to.be.closeTo(fill, 0.025)
      expect(spill(setup, m, 3000).share).to.be.closeTo(steady, 0.025)
    })
  }

  it('of one full backend spreads over all others, by their weights', () => {
    const backends = equalBackends(100).map(({ name }, i) => ({
      name,
      weight: 1 + (i % 3),
      maxSessions: i === 0 ? 1 : 0,
    }))
    const pool = nativePool({ backends })
    const counts = backends.map(() => 0)
    let spilt = 0
    for (const [i, home] of homesOf(pool, addressLines(500_000)).entries()) {
      if (home !== 'backend-0') continue
      const taken = pick(pool, nthAddress(i))
      if (taken.reason === 'home') continue
      expect(taken.reason).to.equal('overflow')
      counts[taken.backend] = (counts[taken.backend] ?? 0) + 1
      pool.release(taken.handle, Outcome.served)
      spilt++
    }
    const others = counts.slice(1)
    const weights = backends.slice(1).map(({ weight }) => weight)
    const total = weights.reduce((sum, weight) => sum + weight)
    expect(spilt).to.be.above(2000)
    expect(others.filter(count => count > 0).length).to.be.at.least(90)
    const expected = weights.map(weight => (spilt * weight) / total)
    // The home slots of the full backend are a sample themselves, and the keys one of them.
    const slots = 2 ** 20 / (total + 1)
    expect(chiSquare(others, expected)).to.be.below(chiSquareLimit(others.length - 1) * (1 + spilt / slots))
  })
})
