import { expect } from 'chai'
import fc from 'fast-check'
import { Hysteresis } from '../../../src/health/hysteresis.ts'

describe('health: hysteresis', () => {
  it('lets the first result decide where nothing was known', () => {
    for (const isWell of [true, false]) {
      const hysteresis = new Hysteresis({ rise: 5, fall: 5 }, undefined)
      expect([hysteresis.take(isWell), hysteresis.isUp]).to.deep.equal([true, isWell])
    }
  })

  it('changes sides after a row of equal results, and not before', () => {
    const hysteresis = new Hysteresis({ rise: 2, fall: 3 }, true)
    const taken = [false, false, true, false, false, false, true, false, true, true].map(isWell =>
      hysteresis.take(isWell),
    )
    expect(taken.flatMap((changed, at) => (changed ? [at] : []))).to.deep.equal([5, 9])
    expect(hysteresis.isUp).to.equal(true)
  })

  it('is changing while results speak against what is held', () => {
    const hysteresis = new Hysteresis({ rise: 2, fall: 2 }, true)
    const states = [false, true, false, false].map(isWell => {
      hysteresis.take(isWell)
      return hysteresis.isChanging
    })
    expect(states).to.deep.equal([true, false, true, false])
  })

  it('agrees with the last results, whatever they were', () => {
    const results = fc.array(fc.boolean(), { maxLength: 60 })
    const settings = fc.record({ rise: fc.integer({ min: 1, max: 5 }), fall: fc.integer({ min: 1, max: 5 }) })
    const property = fc.property(results, settings, fc.boolean(), (row, { rise, fall }, before) => {
      const hysteresis = new Hysteresis({ rise, fall }, before)
      let isUp = before
      row.forEach((isWell, at) => {
        const length = isWell ? rise : fall
        const last = row.slice(Math.max(0, at + 1 - length), at + 1)
        const turns = isWell !== isUp && last.length === length && last.every(one => one === isWell)
        if (turns) isUp = isWell
        expect(hysteresis.take(isWell)).to.equal(turns)
        expect(hysteresis.isUp).to.equal(isUp)
      })
    })
    fc.assert(property, { numRuns: 300 })
  })
})
