import { expect } from 'chai'
import { nativeStickTable } from '../../helpers/oracle/subject.ts'
import { fill, present, visit } from './reference.ts'

const TTL = 100_000

describe('an entry of the stick table', () => {
  it('lives for its ttl and not longer', () => {
    const table = nativeStickTable(10, TTL)
    table.set('192.0.2.1', 3)
    table.set('192.0.2.2', 4)
    table.advance(TTL - 2000)
    expect(table.get('192.0.2.1')).to.equal(3)
    table.advance(2200)
    // The first one was used in between.
    expect([table.get('192.0.2.1'), table.get('192.0.2.2')]).to.deep.equal([3, -1])
    table.advance(TTL + 200)
    expect(table.get('192.0.2.1')).to.equal(-1)
    expect(table.list(0, 10).keys).to.deep.equal([])
  })

  it('lives for its ttl to the tick of 62.5 ms, never shorter', () => {
    for (const ttl of [1000, 1001, 62, 31 * 86_400_000]) {
      const table = nativeStickTable(10, ttl)
      table.set('192.0.2.1', 3)
      expect(table.list(0, 10).expiresInMs[0]).to.be.within(ttl - 500, ttl + 125)
    }
  })

  it('that was deleted or replaced does not come back', () => {
    const table = nativeStickTable(10, TTL)
    table.set('192.0.2.1', 3)
    table.set('192.0.2.1', 4)
    expect([table.size, table.get('192.0.2.1')]).to.deep.equal([1, 4])
    expect([table.delete('192.0.2.1'), table.delete('192.0.2.1')]).to.deep.equal([true, false])
    expect([table.size, table.get('192.0.2.1')]).to.deep.equal([0, -1])
  })

  it('that expired makes room for a new one, whatever it was', () => {
    const table = nativeStickTable(2000, TTL)
    fill(table, 2000)
    visit(table, 2000, 3)
    expect(fill(table, 500, 10_000)).to.be.above(450)
    table.advance(TTL + 200)
    expect(fill(table, 2000, 20_000)).to.equal(0)
    expect(present(table, 2000, 20_000)).to.be.above(1950)
    expect(present(table, 2000)).to.equal(0)
  })

  it('stays for a year, the longest ttl', () => {
    const year = 365 * 86_400_000
    const table = nativeStickTable(10, year)
    table.set('192.0.2.1', 3)
    table.advance(year - 3_600_000)
    expect(table.get('192.0.2.1')).to.equal(3)
    table.advance(year + 3_600_000)
    expect(table.get('192.0.2.1')).to.equal(-1)
  })
})

describe('visits', () => {
  /** A table full of clients that came `visits` times again; then `idle` of the ttl; then 20 times as many new ones. */
  function spray(visits: number, idle: number): 'newcomers are refused' | 'newcomers are stored' {
    const table = nativeStickTable(2000, TTL)
    fill(table, 2000)
    visit(table, 2000, visits)
    table.advance(idle * TTL)
    const refused = fill(table, 40_000, 1_000_000)
    const kept = present(table, 2000)
    if (kept > 1980 && refused > 36_000) return 'newcomers are refused'
    expect([kept < 1900, refused]).to.deep.equal([true, 0])
    return 'newcomers are stored'
  }

  it('keep an entry in, and are halved for each quarter of the ttl without one', () => {
    expect(spray(0, 0)).to.equal('newcomers are stored')
    expect(spray(1, 0.2)).to.equal('newcomers are refused')
    expect(spray(1, 0.3)).to.equal('newcomers are stored')
    expect(spray(2, 0.3)).to.equal('newcomers are refused')
    expect(spray(3, 0.45)).to.equal('newcomers are refused')
    expect(spray(3, 0.55)).to.equal('newcomers are stored')
  })

  it('are kept by coming back', () => {
    const table = nativeStickTable(2000, TTL)
    fill(table, 1000)
    for (let i = 0; i < 10; i++) {
      expect(visit(table, 1000)).to.be.above(990)
      table.advance(0.2 * TTL)
      fill(table, 4000, 1_000_000 + i * 4000)
      // The room that the clients leave is the newcomers'.
      expect(table.size).to.be.within(1900, 2000)
    }
  })
})
