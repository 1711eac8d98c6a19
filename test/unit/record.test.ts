import { expect } from 'chai'
import fc from 'fast-check'
import { REASONS, RECORD_BYTES, SESSION_COUNTERS } from '../../src/native.ts'
import { backendIndexOf, reasonOf, seatOf } from '../../src/pool/packed.ts'
import { addSessions, noSessions, sumColumns } from '../../src/relay/counters.ts'
import { decodeRecord, plainAddress } from '../../src/relay/record.ts'

/** A close record as `native/relay/record.h` lays it out. */
function closeRecord(): Buffer {
  const bytes = Buffer.alloc(RECORD_BYTES)
  bytes.writeUInt8(2, 0)
  bytes.writeUInt8(REASONS.indexOf('overflow'), 1)
  bytes.writeUInt8(SESSION_COUNTERS.indexOf('endClientReset'), 2)
  bytes.writeUInt8(4, 3)
  bytes.writeUInt16LE(40_001, 4)
  bytes.writeUInt16LE(7, 6)
  bytes.writeUInt32LE(3, 8)
  bytes.writeUInt32LE(2, 12)
  Buffer.from([192, 0, 2, 7]).copy(bytes, 16)
  bytes.writeBigUInt64LE(0x1_0000_0001n, 32)
  bytes.writeBigUInt64LE(5_000_000_000n, 40)
  bytes.writeBigUInt64LE(6n, 48)
  bytes.writeUInt32LE(1500, 56)
  bytes.writeUInt16LE(5, 60)
  bytes.writeBigUInt64LE(61_000n, 72)
  bytes.writeBigUInt64LE(123_456n, 64)
  return bytes
}

describe('session records', () => {
  it('are decoded field by field', () => {
    const padded = Buffer.concat([Buffer.alloc(RECORD_BYTES, 0xff), closeRecord()])
    expect(decodeRecord(padded, RECORD_BYTES)).to.deep.equal({
      kind: 'close',
      reason: 'overflow',
      cause: 'endClientReset',
      clientAddress: '192.0.2.7',
      clientPort: 40_001,
      backendIndex: 7,
      backendGeneration: 5,
      listenerId: 3,
      poolId: 2,
      sessionId: 0x1_0000_0001n,
      bytesToBackend: 5_000_000_000,
      bytesToClient: 6,
      connectMicros: 1500,
      durationMs: 61_000,
      monotonicMs: 123_456,
    })
  })

  it('of sessions that open have no cause; of those that were refused no backend and no reason', () => {
    const open = closeRecord()
    open.writeUInt8(1, 0)
    open.writeUInt8(0, 2)
    expect(decodeRecord(open, 0)).to.include({ kind: 'open', cause: undefined, reason: 'overflow' })
    const refused = closeRecord()
    refused.writeUInt8(3, 0)
    refused.writeUInt8(255, 1)
    refused.writeUInt8(SESSION_COUNTERS.indexOf('refusedNoBackend'), 2)
    refused.writeUInt16LE(65_535, 6)
    const expected = { kind: 'refused', cause: 'refusedNoBackend', reason: undefined, backendIndex: undefined }
    expect(decodeRecord(refused, 0)).to.include(expected)
  })

  it('have addresses of every family', () => {
    const record = closeRecord()
    record.writeUInt8(6, 3)
    Buffer.from('20010db8000000000000000000000001', 'hex').copy(record, 16)
    expect(decodeRecord(record, 0).clientAddress).to.equal('2001:db8::1')
    Buffer.from('00000000000000000000ffffc0000207', 'hex').copy(record, 16)
    expect(decodeRecord(record, 0).clientAddress).to.equal('192.0.2.7')
    record.writeUInt8(1, 3)
    expect(decodeRecord(record, 0).clientAddress).to.equal(undefined)
  })

  it('are refused when they are cut or unknown', () => {
    expect(() => decodeRecord(closeRecord(), 1)).to.throw(RangeError)
    expect(() => decodeRecord(closeRecord(), -1)).to.throw(RangeError)
    expect(() => decodeRecord(Buffer.alloc(RECORD_BYTES), 0)).to.throw(RangeError, 'kind')
  })
})

describe('addresses of sockets', () => {
  const cases = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:db8::ffff:1', '2001:db8::ffff:1'],
    ['::ffff:0:1', '::ffff:0:1'],
  ] as const
  for (const [given, plain] of cases) {
    it(`${given} is ${plain}`, () => expect(plainAddress(given)).to.equal(plain))
  }
})

describe('packed picks', () => {
  it('give back what was packed, also past 32 bits', () => {
    const handles = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    const indexes = fc.integer({ min: 0, max: 2 ** 16 - 1 })
    const reasons = fc.constantFrom(...REASONS)
    fc.assert(
      fc.property(handles, indexes, reasons, (handle, index, reason) => {
        const packed = handle * 2 ** 20 + index * 16 + REASONS.indexOf(reason)
        expect([seatOf(packed), backendIndexOf(packed), reasonOf(packed)]).to.deep.equal([handle, index, reason])
      }),
    )
  })

  it('with a reason that nobody knows are an error', () => {
    expect(() => reasonOf(15)).to.throw(RangeError)
  })
})

describe('counters', () => {
  it('are summed over rows, without what pads them', () => {
    const rows = BigUint64Array.from([1n, 2n, 100n, 10n, 20n, 100n])
    expect(sumColumns(rows, 3, ['a', 'b'])).to.deep.equal({ a: 11, b: 22 })
  })

  it('of two relays are added', () => {
    const left = { ...noSessions(), accepted: 2, endFinished: 1 }
    const right = { ...noSessions(), accepted: 3 }
    expect(addSessions(left, right)).to.deep.equal({ ...noSessions(), accepted: 5, endFinished: 1 })
    expect(Object.keys(noSessions())).to.deep.equal([...SESSION_COUNTERS])
  })
})
