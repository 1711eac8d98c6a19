import { expect } from 'chai'

/** The page's modules are for browsers and have no types. */
const figures: string = '../../../src/dashboard/figures.js'
const { factorOf, fairnessOf, Rates } = await import(figures)

const backend = (sessions: number, more: object = {}) => {
  const common = { weight: 1, maxSessions: 0, state: 'ready' }
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

  it('judges fairness by weight', () => {
    expect(fairnessOf({ backends: [backend(2), backend(4, { weight: 2 })], isFailOpen: false })).to.equal(1)
    expect(fairnessOf({ backends: [backend(6), backend(0)], isFailOpen: false })).to.equal(0.5)
    expect(fairnessOf({ backends: [backend(0)], isFailOpen: false })).to.equal(undefined)
  })

  it('makes rates of counters, and begins anew when they fall', () => {
    const rates = new Rates(2)
    for (const [counter, at] of [
      [100, 0],
      [200, 499],
      [5, 1000],
      [15, 2000],
      [20, 2100],
      [45, 3000],
    ])
      rates.add(counter, at)
    expect(rates.values).to.deep.equal([10, 30])
  })
})
