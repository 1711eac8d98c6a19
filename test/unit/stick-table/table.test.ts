import { expect } from 'chai'
import fc from 'fast-check'
import { nthAddress } from '../../helpers/oracle/random.ts'
import { nativeStickTable } from '../../helpers/oracle/subject.ts'
import { compareWithReference, fill } from './reference.ts'

describe('the stick table', () => {
  it('does what a map does, for any operations, while it has room', () => {
    compareWithReference({ size: 1000, keys: 400, operations: 100_000, seed: 1 })
  })

  it('gives what was set or nothing, and never holds more than its size, when it has none', () => {
    compareWithReference({ size: 500, keys: 5000, operations: 100_000, seed: 2 })
    compareWithReference({ size: 3, keys: 50, operations: 20_000, seed: 3 })
    compareWithReference({ size: 1, keys: 5, operations: 5000, seed: 4 })
  })

  it('holds its size at 80 % of its slots, losing at most one entry in 1,000 to conflicts', () => {
    // Big enough that chance stays far below the limit: 0.07 % are 280 of these, give or take 17.
    const size = 400_000
    const table = nativeStickTable(size)
    expect(fill(table, size)).to.equal(0)
    expect(table.capacity).to.equal(size)
    expect(table.size).to.be.within(size * 0.999, size)
  })

  it('takes at most 24 bytes an entry', () => {
    for (const size of [1000, 10_000, 1_000_000]) expect(nativeStickTable(size).bytes / size).to.be.at.most(24)
  })

  it('never grows: neither its entries nor its memory', () => {
    for (const size of [1, 2, 7, 8, 100, 5000]) {
      const table = nativeStickTable(size)
      const { bytes } = table
      for (let i = 0; i < size * 10; i++) {
        table.set(nthAddress(i), 1)
        if (table.size > size) expect(table.size).to.be.at.most(size)
      }
      expect(table.bytes).to.equal(bytes)
      expect(table.size).to.be.within(Math.floor(size * 0.999), size)
    }
  })

  it('tells kinds of keys apart that have the same 64 bits', () => {
    const table = nativeStickTable(100)
    table.set('0.0.0.7', 1)
    table.set('0:0:0:7::', 2)
    table.set('::', 3)
    table.set('0.0.0.0', 4)
    expect(['0.0.0.7', '0:0:0:7::', '::', '0.0.0.0'].map(key => table.get(key))).to.deep.equal([1, 2, 3, 4])
    expect(table.size).to.equal(4)
    // In two buckets some of these pairs share one, and the byte that a look-up compares first.
    const small = nativeStickTable(1)
    for (let i = 0; i < 5000; i++) {
      const group = i.toString(16)
      small.set(`0.0.${i >>> 8}.${i & 255}`, 1)
      expect(small.get(`0:0:0:${group}::`)).to.equal(-1)
    }
  })

  it('has one entry for a whole IPv6 prefix', () => {
    const table = nativeStickTable(100)
    for (let i = 0; i < 1000; i++) table.set(`2001:db8::${i.toString(16)}`, i)
    expect(table.size).to.equal(1)
    expect(table.get('2001:db8::ffff:ffff:ffff:ffff')).to.equal(999)
    expect(table.get('2001:db8:0:1::')).to.equal(-1)
  })

  it('lists every entry once, as it was set', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.ipV4(), { maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (addresses, most) => {
        const table = nativeStickTable(1000)
        for (const [i, address] of addresses.entries()) table.set(address, i)
        const listed = new Map<string, number>()
        for (let cursor = 0; cursor >= 0; ) {
          const { next, keys, values, expiresInMs } = table.list(cursor, most)
          for (const [i, key] of keys.entries()) {
            expect(listed.has(key)).to.equal(false)
            listed.set(key, values[i] ?? -1)
            expect(expiresInMs[i]).to.be.within(1_799_000, 1_800_125)
          }
          expect(next).to.satisfy((at: number) => at === -1 || at > cursor)
          cursor = next
        }
        expect([...listed].sort()).to.deep.equal(addresses.map((address, i) => [`${address}/32`, i]).sort())
      }),
      { numRuns: 30 },
    )
  })

  it('lists a key that is only kept as a hash as one', () => {
    const table = nativeStickTable(100, 60_000, 128)
    table.set('2001:db8::1', 7)
    table.set(Buffer.from('a session id'), 8)
    const { keys, values } = table.list(0, 10)
    expect(Array.from(values).sort()).to.deep.equal([7, 8])
    for (const key of keys) expect(key).to.match(/^#[0-9a-f]{16}$/)
    expect([table.get('2001:db8::1'), table.get('2001:db8::2')]).to.deep.equal([7, -1])
    expect([table.get(Buffer.from('a session id')), table.get(Buffer.from('a session iD'))]).to.deep.equal([8, -1])
  })

  it('refuses what is no key', () => {
    const table = nativeStickTable(100)
    for (const key of ['nobody', '', '1.2.3.4/32', new Uint8Array(0)]) {
      expect([table.get(key), table.set(key, 1), table.delete(key)]).to.deep.equal([-2, -2, false])
    }
    expect(table.size).to.equal(0)
  })

  it('is empty after clear, and of use', () => {
    const table = nativeStickTable(1000)
    fill(table, 1000)
    table.clear()
    expect([table.size, table.get(nthAddress(1)), table.list(0, 10).keys.length]).to.deep.equal([0, -1, 0])
    expect(fill(table, 1000)).to.equal(0)
    expect(table.size).to.be.at.least(980)
  })
})
