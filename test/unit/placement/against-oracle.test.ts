import { expect } from 'chai'
import fc from 'fast-check'
import { Random } from '../../helpers/oracle/random.ts'
import { expectSame } from '../../helpers/oracle/same.ts'
import { nativePlacement, oraclePlacement, type PlacementSetup } from '../../helpers/oracle/subject.ts'
import { rounds } from '../../helpers/soak.ts'

const PREFIXES = { ipv4Prefix: fc.integer({ min: 1, max: 32 }), ipv6Prefix: fc.integer({ min: 1, max: 128 }) }
const NAMES = fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 40,
})
const SECRET = fc.string({ minLength: 8, maxLength: 40 })
const ADDRESSES = fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 40 })

/** Small weights, where many are equal, and the whole range. */
const WEIGHTS = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 40, maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 40, maxLength: 40 }),
)

function setups(algorithm: 'rendezvous' | 'ring'): fc.Arbitrary<PlacementSetup> {
  return fc
    .record({
      ...PREFIXES,
      names: NAMES,
      weights: WEIGHTS,
      secret: SECRET,
      ringPoints: fc.integer({ min: 1, max: 160 }),
    })
    .map(({ names, weights, ...rest }) => ({
      ...rest,
      algorithm,
      // A ring of weights beyond a few has millions of points.
      backends: names.map((name, i) => ({ name, weight: (weights[i] ?? 0) % (algorithm === 'ring' ? 5 : 65_536) })),
    }))
}

const KEYS = rounds(5_000, 20_000)

describe('placement against the oracle', () => {
  for (const algorithm of ['rendezvous', 'ring'] as const) {
    it(`agrees for any membership, weights, prefixes and addresses (${algorithm})`, () => {
      fc.assert(
        fc.property(setups(algorithm), ADDRESSES, (setup, addresses) => expectSame(setup, addresses)),
        { numRuns: rounds(50, 150) },
      )
    })

    it(`agrees on ${KEYS} keys of one membership (${algorithm})`, () => {
      const random = new Random(20)
      const backends = Array.from({ length: 10 }, (_, i) => ({ name: `node${i}`, weight: 1 + (i % 4) }))
      const addresses = Array.from({ length: KEYS }, (_, i) => (i % 2 === 0 ? random.ipv4() : random.ipv6()))
      expectSame({ algorithm, backends }, addresses)
    })
  }

  it('agrees on orders of many weights, where the last digits of a logarithm decide', () => {
    const random = new Random(21)
    const backends = Array.from({ length: 300 }, (_, i) => ({ name: `node${i}`, weight: 60_000 + 17 * i }))
    expectSame(
      { backends },
      Array.from({ length: 300 }, () => random.ipv4()),
    )
  })

  it('agrees for arbitrary bytes', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(setups('rendezvous'), bytes, (setup, key) => {
        const names = setup.backends.map(({ name }) => name)
        const [subject, oracle] = [nativePlacement(setup), oraclePlacement(setup)]
        expect(names[subject.homeOfBytes(key)]).to.equal(oracle.home(key))
        expect(Array.from(subject.orderOfBytes(key), index => names[index])).to.deep.equal(oracle.order(key))
      }),
    )
  })

  it('agrees at the greatest length of a key and of XXH3’s classes of length', () => {
    const setup = { backends: [1, 2, 3].map(weight => ({ name: `n${weight}`, weight })) }
    const [subject, oracle] = [nativePlacement(setup), oraclePlacement(setup)]
    for (const length of [1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 65_536]) {
      const keys = Array.from({ length: 20 }, (_, i) => Buffer.alloc(length, i + 1))
      const homes = keys.map(key => setup.backends[subject.homeOfBytes(key)]?.name)
      expect(homes, `${length} bytes`).to.deep.equal(keys.map(key => oracle.home(key)))
    }
  })

  it('has no home without a backend of weight > 0', () => {
    for (const backends of [[], [{ name: 'a', weight: 0 }]]) {
      const placement = nativePlacement({ backends })
      expect(placement.home('192.0.2.1')).to.equal(-1)
      expect(placement.order('192.0.2.1')).to.have.lengthOf(0)
      expect(Array.from(placement.shares())).to.deep.equal(backends.map(() => 0))
    }
  })
})
