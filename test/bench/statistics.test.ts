import { expect } from 'chai'
import fc from 'fast-check'
import { overlap, peakToMean, ratioOfRuns, ratios, relativeDeviation, summary } from '../../src/bench/statistics.ts'

// Without -0, which equals 0, and in whose place 0 may be found.
const number = fc.double({ min: -1e9, max: 1e9, noNaN: true }).map(value => value + 0)
const positive = fc.double({ min: 1e-3, max: 1e9, noNaN: true })

describe('bench: statistics', () => {
  it('tells median, least and greatest of what was measured', () => {
    expect(summary([3, 1, 2])).to.deep.equal({ median: 2, min: 1, max: 3, count: 3 })
    expect(summary([4, null, 1, 2, 3])).to.deep.equal({ median: 2.5, min: 1, max: 4, count: 4 })
    expect(summary([7])).to.deep.equal({ median: 7, min: 7, max: 7, count: 1 })
    expect(summary([])).to.equal(undefined)
    expect(summary([null, null])).to.equal(undefined)
  })

  it('has a median with half of the samples on either side, whatever their order', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 1 }), samples => {
        const { median, min, max } = summary(samples) ?? { median: NaN, min: NaN, max: NaN }
        expect(median).to.be.within(min, max)
        expect(samples.filter(sample => sample <= median).length * 2).to.be.at.least(samples.length)
        expect(samples.filter(sample => sample >= median).length * 2).to.be.at.least(samples.length)
        expect(summary(samples.toReversed())).to.deep.equal(summary(samples))
      }),
    )
  })

  it('takes ratios pair by pair, so that a slow round is slow for both', () => {
    // The third round took ten times as long.
    expect(ratios([50, 60, 500], [100, 100, 1000])).to.deep.equal({ median: 0.5, min: 0.5, max: 0.6, count: 3 })
    expect(ratios([1, null, 3], [2, 2, null])).to.deep.equal({ median: 0.5, min: 0.5, max: 0.5, count: 1 })
    expect(ratios([1, 2], [0])).to.equal(undefined)
    fc.assert(
      fc.property(fc.array(fc.tuple(positive, positive), { minLength: 1 }), pairs => {
        const [left, right] = [pairs.map(([value]) => value), pairs.map(([, value]) => value)]
        const [there, back] = [ratios(left, right), ratios(right, left)]
        expect((there?.min ?? 0) * (back?.max ?? 0)).to.be.closeTo(1, 1e-9)
        expect(ratios(left, left)).to.include({ min: 1, median: 1, max: 1 })
      }),
    )
  })

  it('takes the ratio of two runs by their medians, with the farthest that samples may lie apart', () => {
    const [before, after] = [summary([10, 20, 40]), summary([30, 50, 60])]
    if (before === undefined || after === undefined) throw new Error('there are samples')
    expect(ratioOfRuns(before, after)).to.deep.equal({ median: 2.5, min: 0.75, max: 6, count: 3 })
    expect(ratioOfRuns({ ...before, min: 0 }, after)).to.equal(undefined)
  })

  it('finds noise where ranges have a value in common', () => {
    const range = (min: number, max: number) => ({ median: min, min, max, count: 2 })
    expect(overlap(range(1, 3), range(3, 4))).to.equal(true)
    expect(overlap(range(5, 6), range(1, 9))).to.equal(true)
    expect(overlap(range(1, 3), range(3.1, 4))).to.equal(false)
    expect(overlap(range(3.1, 4), range(1, 3))).to.equal(false)
  })

  it('tells how uneven shares are', () => {
    expect(relativeDeviation([2, 4, 4, 4, 5, 5, 7, 9])).to.equal(0.4)
    expect(peakToMean([2, 4, 4, 4, 5, 5, 7, 9])).to.equal(1.8)
    expect([relativeDeviation([]), relativeDeviation([0, 0]), peakToMean([]), peakToMean([0])]).to.deep.equal([
      0, 0, 0, 0,
    ])
  })
})
