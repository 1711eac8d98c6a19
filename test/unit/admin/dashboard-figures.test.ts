import { expect } from 'chai'

/** The page's modules are for browsers and have no types. */
const figures: string = '../../../src/dashboard/figures.js'
const { factorOf, fairnessOf, Rates } = await import(figures)

const backend = (sessions: number, more: object = {}) => {
  const common = { weight: 1, takesNew: true }
  return { ...common, sessions, ...more }
}

describe('figures of the dashboard', () => {
  it('reads every form of boundedLoad', () => {
    expect([1.25, 'off', { factor: 1.5, scope: 'local' }, null, undefined].map(factorOf)).to.deep.equal([
      1.25,
      undefined,
      1.5,
      undefined,
      undefined,
    ])
  })

  it('judges fairness by weight, of those that take new clients', () => {
    expect(fairnessOf({ backends: [backend(2), backend(4, { weight: 2 })] })).to.equal(1)
    expect(fairnessOf({ backends: [backend(6), backend(0)] })).to.equal(0.5)
    expect(fairnessOf({ backends: [backend(6), backend(0, { takesNew: false })] })).to.equal(1)
    expect(fairnessOf({ backends: [backend(0)] })).to.equal(undefined)
    expect(fairnessOf({ backends: [backend(6), backend(0, { peerSessions: 6 })] })).to.equal(1)
  })

  it('makes rates of counters, and begins anew when one falls', () => {
    const rates = new Rates(2)
    const samples: readonly (readonly [number, number, number])[] = [
      [100, 7, 0],
      [200, 7, 499],
      [5, 7, 1000],
      [15, 7, 2000],
      [20, 8, 2100],
      [45, 9, 3000],
      [46, 0, 4000],
    ]
    const isNew = samples.map(([one, other, at]) => rates.add([one, other], at))
    expect(isNew).to.deep.equal([false, false, false, true, false, true, false])
    expect(rates.columns).to.deep.equal([
      [10, 30],
      [0, 2],
    ])
    expect(rates.times).to.have.length(2)
  })

  it('keeps the newest of them', () => {
    const rates = new Rates(1)
    for (let sample = 0; sample <= 601; sample++) rates.add([sample ** 2], 1000 * sample)
    expect([rates.times.length, rates.columns[0].length, rates.columns[0].at(-1)]).to.deep.equal([600, 600, 1201])
  })
})
