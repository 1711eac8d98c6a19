import { expect } from 'chai'
import { DifferenceReport } from '../../../src/cluster/members/difference-report.ts'
import type { MemberStatus } from '../../../src/cluster/members/members.ts'
import { createLog } from '../../../src/log/log.ts'

const MEMBER: MemberStatus = {
  name: 'lb2/7',
  ageMs: 10,
  isLive: true,
  version: '0.1.0',
  digest: 'b',
  differences: ['pool p: another secret'],
}

describe('report of balancers that have other pools', () => {
  let told: object[]
  let report: DifferenceReport

  beforeEach(() => {
    told = []
    const log = createLog('silent')
    log.warn = ((facts: object) => told.push(facts)) as typeof log.warn
    report = new DifferenceReport(log)
  })

  it('tells of one that goes on differing, once', () => {
    for (const now of [0, 5000, 14_999]) report.look([MEMBER], now)
    expect(told).to.deep.equal([])
    for (const now of [15_000, 20_000, 90_000]) report.look([MEMBER], now)
    expect(told).to.deep.equal([{ member: 'lb2/7', differences: ['pool p: another secret'] }])
  })

  it('begins anew when it agrees, is gone, or differs otherwise', () => {
    report.look([MEMBER], 0)
    report.look([{ ...MEMBER, digest: 'c' }], 10_000)
    report.look([{ ...MEMBER, digest: 'c' }], 20_000)
    expect(told).to.deep.equal([])
    report.look([{ ...MEMBER, digest: 'c', differences: [] }], 21_000)
    report.look([MEMBER], 22_000)
    report.look([{ ...MEMBER, isLive: false }], 30_000)
    report.look([MEMBER], 36_000)
    report.look([MEMBER], 40_000)
    expect(told).to.deep.equal([])
    report.look([MEMBER], 51_000)
    expect(told).to.have.lengthOf(1)
  })
})
