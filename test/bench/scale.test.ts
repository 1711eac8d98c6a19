// A quick run of `bench scale`: that everything that grows does.
import { expect } from 'chai'
import { benchScale } from '../../src/bench/scale/index.ts'
import { SCALE_AXES } from '../../src/bench/scale/options.ts'
import { TEST_MS } from '../helpers/wait.ts'

const contextOf = (notes: string[]) => ({
  rounds: 1,
  quick: true,
  signal: new AbortController().signal,
  plan: () => undefined,
  step: () => undefined,
  note: (text: string) => notes.push(text),
})

describe('bench: scale', function () {
  this.timeout(TEST_MS)

  it('measures connections and round trips at every place of every axis', async () => {
    const notes: string[] = []
    const { series } = await benchScale(contextOf(notes), {
      subjects: ['floor'],
      sessionCounts: [10, 300, 10_000_000],
      backendCounts: [2, 50],
      threadCounts: [1, 2],
    })
    const places = series.map(({ at }) => `${at?.name} ${at?.value}`)
    expect([...new Set(places)]).to.deep.equal([
      'sessions 10',
      'sessions 300',
      'backends 2',
      'backends 50',
      'threads 1',
      'threads 2',
    ])
    expect(SCALE_AXES).to.deep.equal(['sessions', 'backends', 'threads'])
    const costs = series.filter(({ metric }) => metric === 'process CPU')
    // Each place and trial; that of round trips among idle sessions at the two counts of sessions.
    expect(costs).to.have.length(6 * 2 + 2)
    for (const { samples } of costs) expect(samples[0], notes.join('\n')).to.be.a('number').that.is.greaterThan(0)
    const leftOut = notes.filter(note => note.includes('left out'))
    expect(leftOut).to.have.length(1)
    expect(leftOut[0]).to.match(/^10000000 sessions were left out: the limit of open files is \d+/)
  })

  it('measures Limpet among resting sessions', async () => {
    const notes: string[] = []
    const options = { axes: ['sessions'], subjects: ['limpet-net'], sessionCounts: [200] } as const
    const { series } = await benchScale(contextOf(notes), options)
    const costs = series.filter(({ metric }) => metric === 'process CPU')
    const trials = ['connection', 'round trip', 'round trip among idle sessions']
    expect(costs.map(({ trial }) => trial)).to.deep.equal(trials)
    for (const { samples } of costs) expect(samples[0], notes.join('\n')).to.be.a('number').that.is.greaterThan(0)
  })
})
