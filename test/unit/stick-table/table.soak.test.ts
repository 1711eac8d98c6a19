import { expect } from 'chai'
import { nativeStickTable } from '../../helpers/oracle/subject.ts'
import { compareWithReference, fill, present, visit } from './reference.ts'
import { expectLiveSurvive, expectPrefixSpray, expectResidents } from './spray.ts'

describe('the stick table at full counts', () => {
  it('says what a map says in ten million operations', () => {
    compareWithReference({ size: 100_000, keys: 50_000, operations: 5_000_000, seed: 10 })
    compareWithReference({ size: 10_000, keys: 100_000, operations: 5_000_000, seed: 11 })
  })

  it('takes at most 24 bytes of resident memory an entry', () => {
    const entries = 4_000_000
    const table = nativeStickTable(entries)
    const key = Buffer.alloc(4)
    const before = process.memoryUsage().rss
    for (let i = 0; i < entries; i++) {
      key.writeUInt32LE(i)
      table.set(key, i % 16_383)
    }
    const resident = process.memoryUsage().rss - before
    expect(table.size).to.be.at.least(entries * 0.999)
    expect(table.bytes / entries).to.be.at.most(24)
    // What was touched is resident; the rest of the process moves by a few megabytes of its own.
    expect(resident / entries).to.be.within(20, 24)
  })

  it('keeps 99 % of 5,000 clients of two visits under a spray of a hundred times its capacity', () => {
    const table = nativeStickTable(10_000)
    fill(table, 5000)
    visit(table, 5000)
    fill(table, 1_000_000, 1_000_000)
    expect(present(table, 5000)).to.be.at.least(4950)
    expect(table.size).to.be.at.most(10_000)
  })

  it('keeps the clients of a pool: a million /64s against 10,000 entries', () => {
    expectPrefixSpray({ size: 10_000, victims: 5000, spray: 1_000_000 })
  })

  it('keeps 1,000 live sessions and 5,000 clients of two visits under ten times the capacity', () => {
    expectLiveSurvive({ size: 10_000, victims: 1000, spray: 100_000 })
    expectResidents({ size: 10_000, residents: 5000, spray: 100_000 })
  })
})
