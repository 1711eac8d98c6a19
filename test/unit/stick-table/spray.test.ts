import { expect } from 'chai'
import { nativeStickTable } from '../../helpers/oracle/subject.ts'
import { fill, present, visit } from './reference.ts'
import { expectLiveSurvive, expectPrefixSpray, expectResidents } from './spray.ts'

describe('a spray of new addresses', () => {
  it('of ten times the capacity leaves 99 % of the clients that were seen twice', () => {
    const table = nativeStickTable(10_000)
    fill(table, 5000)
    visit(table, 5000)
    fill(table, 100_000, 1_000_000)
    expect(present(table, 5000)).to.be.at.least(4950)
  })

  it('leaves 99 % of them when they are as many as the table plans for', () => {
    const table = nativeStickTable(10_000)
    fill(table, 9000)
    visit(table, 9000)
    fill(table, 100_000, 1_000_000)
    expect(present(table, 9000)).to.be.at.least(8910)
  })

  it('throws out clients that were seen once (the control)', () => {
    const table = nativeStickTable(10_000)
    fill(table, 10_000)
    expect(fill(table, 100_000, 1_000_000)).to.equal(0)
    expect(present(table, 10_000)).to.be.below(9500)
    expect(table.size).to.be.at.most(10_000)
  })

  it('through a pool leaves 99 % of the clients that were seen twice, and their pins decide', () => {
    expectResidents({ size: 5000, residents: 2500, spray: 50_000 })
  })

  it('of /64s through a pool leaves every client with a session, and one entry for a /64', () => {
    expectPrefixSpray({ size: 1000, victims: 500, spray: 10_000 })
  })

  it('through a pool never takes the entry of a live session, even of a first visit', () => {
    expectLiveSurvive({ size: 2000, victims: 1000, spray: 20_000 })
  })
})
