import { expect } from 'chai'
import { Random } from '../../helpers/oracle/random.ts'
import { chiSquare, chiSquareLimit, mean, relativeDeviation } from '../../helpers/oracle/statistics.ts'
import { equalBackends, nativePlacement, type PlacementSetup } from '../../helpers/oracle/subject.ts'

interface Balance {
  deviation: number
  most: number
  least: number
}

/** Shares in units of what each backend should have. */
function balance(setup: PlacementSetup): Balance {
  const total = setup.backends.reduce((sum, { weight }) => sum + weight, 0)
  const shares = Array.from(nativePlacement(setup).shares(), (share, i) => {
    return (share * total) / (setup.backends[i]?.weight ?? 0)
  })
  return { deviation: relativeDeviation(shares), most: Math.max(...shares), least: Math.min(...shares) }
}

/** Means over 20 secrets of the exact arcs. */
function ringBalance(count: number, ringPoints: number): Balance & { worst: number } {
  const all = Array.from({ length: 20 }, (_, i) => {
    return balance({ algorithm: 'ring', ringPoints, secret: `secret ${i}`, backends: equalBackends(count) })
  })
  return {
    deviation: mean(all.map(({ deviation }) => deviation)),
    most: mean(all.map(({ most }) => most)),
    least: mean(all.map(({ least }) => least)),
    worst: Math.max(...all.map(({ most }) => most)),
  }
}

/** How many of some addresses have their home at each backend. */
function sampled(setup: PlacementSetup, keys: number): number[] {
  const placement = nativePlacement(setup)
  const counts = setup.backends.map(() => 0)
  const random = new Random(7)
  for (let i = 0; i < keys; i++) {
    const home = placement.home(random.ipv4())
    counts[home] = (counts[home] ?? 0) + 1
  }
  return counts
}

describe('balance', () => {
  // Relative deviation of arcs: 1/sqrt(points); measured by simulation of the exact arcs, and in Lamping and Veach (jump hash).
  for (const [count, points, deviation, most] of [
    [100, 160, 0.079, 1.21],
    [10, 160, 0.075, 1.12],
    [100, 100, 0.1, 1.27],
    [100, 16, 0.248, 1.74],
    [100, 1000, 0.0316, 1.08],
  ] as const) {
    it(`of a ring of ${count} backends with ${points} points each`, () => {
      const found = ringBalance(count, points)
      expect(found.deviation).to.be.closeTo(deviation, deviation * 0.07)
      expect(found.most).to.be.closeTo(most, (most - 1) * 0.15)
      if (points === 160) expect(found.worst).to.be.at.most(1.35)
      if (points === 160 && count === 100) expect(found.least).to.be.closeTo(0.82, 0.02)
    })
  }

  for (const [count, most, least] of [
    [10, 1.02, 0.98],
    [100, 1.04, 0.96],
    [1000, 1.15, 0.86],
  ] as const) {
    it(`of the slots among ${count} backends is 1/sqrt(2^20 / ${count})`, () => {
      const found = balance({ backends: equalBackends(count) })
      const expected = Math.sqrt((count - 1) / 2 ** 20)
      // Of n draws a deviation is known to 1/sqrt(2n).
      expect(found.deviation).to.be.closeTo(expected, (4 * expected) / Math.sqrt(2 * count))
      expect(found.most).to.be.at.most(most)
      expect(found.least).to.be.at.least(least)
    })
  }

  it('of the slots among weights 1 to 7 is the same, in proportion to the weights', () => {
    const backends = equalBackends(100).map(({ name }, i) => ({ name, weight: 1 + (i % 7) }))
    const { deviation, most, least } = balance({ backends })
    expect(deviation).to.be.closeTo(0.0115, 0.003)
    expect(most).to.be.at.most(1.06)
    expect(least).to.be.at.least(0.94)
  })

  it('of sampled keys is what their slots and chance give', () => {
    const counts = sampled({ backends: equalBackends(100) }, 100_000)
    expect(relativeDeviation(counts)).to.be.closeTo(Math.sqrt(100 / 2 ** 20 + 100 / 100_000), 0.007)
    const expected = counts.map(() => 1000)
    // The imbalance of the slots adds a tenth to chi².
    expect(chiSquare(counts, expected)).to.be.below(chiSquareLimit(99) * 1.1)
  })

  it('of weights 1 : 2 is a third to two thirds', () => {
    for (let i = 0; i < 10; i++) {
      const backends = [
        { name: `light ${i}`, weight: 1 },
        { name: `heavy ${i}`, weight: 2 },
      ]
      const [light] = nativePlacement({ backends }).shares()
      expect(light).to.be.closeTo(1 / 3, 0.0019)
    }
  })

  it('of weights at the ends of their range', () => {
    const backends = [1, 10, 100, 1000, 65_535].map(weight => ({ name: `w${weight}`, weight }))
    const counts = Array.from(nativePlacement({ backends }).shares(), share => Math.round(share * 2 ** 20))
    const expected = backends.map(({ weight }) => (weight / 66_646) * 2 ** 20)
    expect(counts.reduce((sum, count) => sum + count)).to.equal(2 ** 20)
    expect(chiSquare(counts, expected)).to.be.below(chiSquareLimit(4))
  })

  it('of two backends with nearly equal weights follows the weights, not the approximation of the logarithm', () => {
    const backends = [
      { name: 'a', weight: 65_535 },
      { name: 'b', weight: 65_534 },
    ]
    expect(nativePlacement({ backends }).shares()[0]).to.be.closeTo(0.5, 4 * Math.sqrt(0.25 / 2 ** 20))
  })
})
