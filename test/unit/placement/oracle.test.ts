import { expect } from 'chai'
import xxhash from 'xxhash-addon'
import { MASK, mix64 } from '../../helpers/oracle/hash.ts'
import { addressKey, keyBytes } from '../../helpers/oracle/key.ts'
import { negativeLog2 } from '../../helpers/oracle/log2.ts'
import { Random } from '../../helpers/oracle/random.ts'
import { chiSquareLimit } from '../../helpers/oracle/statistics.ts'

const RULES = { ipv4Prefix: 24, ipv6Prefix: 56, secret: new Uint8Array(192) }

/** The oracle judges the native core; these are the facts that judge the oracle. */
describe('the placement oracle', () => {
  it('reads digests of xxhash-addon as the published values are written', () => {
    // XXH3_64bits of nothing, seed 0: the first test vector of xxHash.
    expect(xxhash.XXHash3.hash(Buffer.alloc(0)).readBigUInt64BE()).to.equal(0x2d06800538d394c2n)
  })

  it('mixes as splitmix64 does', () => {
    // The first three outputs of splitmix64 with seed 0: mixed multiples of its increment.
    const increment = 0x9e3779b97f4a7c15n
    const outputs = [1n, 2n, 3n].map(i => mix64((increment * i) & MASK))
    expect(outputs).to.deep.equal([0xe220a8397b1dcdafn, 0x6e789e6aa1b965f4n, 0x06c45d188009454fn])
  })

  it('takes −log2 exactly at powers of two', () => {
    for (let power = 0n; power < 64n; power++) expect(negativeLog2(1n << power)).to.equal((64n - power) << 56n)
  })

  it('takes −log2 with a relative error below 2.5e-4', () => {
    const random = new Random(1)
    for (let i = 0; i < 2000; i++) {
      const u = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32)) | 1n
      const exact = 64 - Math.log2(Number(u))
      expect(Number(negativeLog2(u)) / 2 ** 56 / exact).to.be.within(1 - 2.5e-4, 1 + 2.5e-4)
    }
  })

  it('takes a −log2 that is positive and never rises with u', () => {
    const random = new Random(2)
    expect(negativeLog2(MASK)).to.equal(1n)
    for (let i = 0; i < 2000; i++) {
      const u = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32)) | 1n
      const step = BigInt(random.below(2 ** 20)) + 1n
      if (u + step <= MASK) expect(negativeLog2(u) >= negativeLog2(u + step)).to.equal(true)
    }
  })

  it('makes keys of masked addresses', () => {
    const bytes = (address: string): string => keyBytes(addressKey(address, RULES)).toString('hex')
    expect(bytes('192.0.2.77')).to.equal('010002' + '00c000000000')
    expect(bytes('::ffff:192.0.2.77')).to.equal(bytes('192.0.2.1'))
    expect(bytes('2001:db8:1:2ff:3:4:5:6')).to.equal('02' + '00020100b80d0120')
    expect(bytes('::')).to.equal(`02${'00'.repeat(8)}`)
    expect(bytes('1::8')).to.equal('02' + '000000000000' + '0100')
  })

  it('knows chi²', () => {
    // Tables give 160.1 for 99 degrees of freedom and 33.7 for 9 at 99.99 %.
    expect(chiSquareLimit(99)).to.be.closeTo(160.1, 0.5)
    expect(chiSquareLimit(9)).to.be.closeTo(33.7, 0.5)
  })
})
