import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { DurationColumns } from '../../src/relay/durations.ts'

const HEADER = readFileSync(new URL('../../native/relay/durations.h', import.meta.url), 'utf8')

/** Bounds of the native relay. */
function nativeBounds(name: string): number[] {
  const [, list = ''] = new RegExp(`${name}\\{([^}]*)\\}`).exec(HEADER) ?? []
  return list.split(',').map(text => Number(text.replaceAll("'", '')))
}

describe('durations', () => {
  it('have the bounds of the native relay', () => {
    const { connect, session } = new DurationColumns().told()
    expect(connect.bounds).to.deep.equal(nativeBounds('kConnectBoundsUs').map(bound => bound / 1_000_000))
    expect(session.bounds).to.deep.equal(nativeBounds('kSessionBoundsMs').map(bound => bound / 1000))
    for (const { bounds } of [connect, session]) expect(bounds).to.deep.equal([...bounds].sort((a, b) => a - b))
  })

  it('are in the first bucket whose end is not less', () => {
    const columns = new DurationColumns()
    for (const milliseconds of [0, 0.1, 0.11, 5000, 5001]) columns.countConnect(milliseconds)
    for (const milliseconds of [10, 11, 604_800_001]) columns.countSession(milliseconds)
    const { connect, session } = columns.told()
    expect(connect.counts).to.deep.equal([2, 1, ...new Array<number>(11).fill(0), 1, 1])
    expect(connect.sum).to.be.closeTo(10.00121, 1e-9)
    expect(session.counts).to.deep.equal([1, 1, ...new Array<number>(12).fill(0), 1])
    expect(session.sum).to.equal(604_800.022)
  })

  it('are the last columns of each row, and add up', () => {
    const [stride, rows] = [40, 3]
    const counters = new BigUint64Array(stride * rows)
    for (let row = 0; row < rows; row++) {
      counters.fill(7n, row * stride, row * stride + 8)
      counters[row * stride + 8] = 2n
      counters[row * stride + 8 + 15] = 1_500_000n
      counters[row * stride + stride - 1] = 500n
    }
    const one = new DurationColumns().addRows(counters, stride)
    const { connect, session } = one.plus(one).told()
    expect([connect.counts[0], connect.sum, session.sum]).to.deep.equal([12, 9, 3])
    expect([...connect.counts.slice(1), ...session.counts].every(count => count === 0)).to.equal(true)
  })
})
