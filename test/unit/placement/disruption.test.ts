import { expect } from 'chai'
import fc from 'fast-check'
import type { NativePool } from '../../../src/native.ts'
import { addressLines, homesOf } from '../../helpers/oracle/homes.ts'
import type { OracleBackend } from '../../helpers/oracle/placement.ts'
import { equalBackends, nativePool, oraclePlacement, setBackend } from '../../helpers/oracle/subject.ts'

const KEYS = 100_000
const LINES = addressLines(KEYS)

interface Moves {
  /** Keys that changed their home. */
  all: number
  /** Of those: from the changed backend. */
  from: number
  /** Of those: to the changed backend. */
  to: number
}

function moves(before: readonly string[], after: readonly string[], changed: string): Moves {
  const found = { all: 0, from: 0, to: 0 }
  for (const [i, home] of before.entries()) {
    if (after[i] === home) continue
    found.all++
    if (home === changed) found.from++
    if (after[i] === changed) found.to++
  }
  return found
}

/** Homes before and after a change that the pool makes upon what it has memoised. */
function change(pool: NativePool, apply: () => void): { before: string[]; after: string[] } {
  const before = homesOf(pool, LINES)
  apply()
  pool.publish()
  return { before, after: homesOf(pool, LINES) }
}

describe('disruption', () => {
  for (const [algorithm, tolerance] of [
    ['rendezvous', 0.0012 + 0.001],
    ['ring', 0.0024 + 0.001],
  ] as const) {
    it(`by a removal is the removed backend's keys and no other (${algorithm})`, () => {
      const pool = nativePool({ algorithm, backends: equalBackends(100) })
      const { before, after } = change(pool, () => pool.removeBackend('backend-42'))
      const own = before.filter(home => home === 'backend-42').length
      expect(moves(before, after, 'backend-42')).to.deep.equal({ all: own, from: own, to: 0 })
      expect(own / KEYS).to.be.closeTo(0.01, tolerance)
    })

    it(`by a removal and its return is nothing (${algorithm})`, () => {
      const pool = nativePool({ algorithm, backends: equalBackends(20) })
      const { before, after } = change(pool, () => {
        pool.removeBackend('backend-7')
        pool.publish()
        setBackend(pool, 'backend-7', 1)
      })
      expect(after).to.deep.equal(before)
    })

    it(`by an addition is only towards the added one, 1/(n+1) of all (${algorithm})`, () => {
      const pool = nativePool({ algorithm, backends: equalBackends(100) })
      const { before, after } = change(pool, () => setBackend(pool, 'newcomer', 1))
      const { all, from, to } = moves(before, after, 'newcomer')
      expect([from, to]).to.deep.equal([0, all])
      expect(all / KEYS).to.be.closeTo(1 / 101, tolerance)
    })

    it(`by a raised weight is only towards it (${algorithm})`, () => {
      const pool = nativePool({ algorithm, backends: equalBackends(10, 2) })
      const { before, after } = change(pool, () => setBackend(pool, 'backend-3', 3))
      const { all, from, to } = moves(before, after, 'backend-3')
      expect([from, to]).to.deep.equal([0, all])
      expect(all / KEYS).to.be.closeTo(3 / 21 - 2 / 20, 0.015)
    })

    it(`by a lowered weight is only away from it (${algorithm})`, () => {
      const pool = nativePool({ algorithm, backends: equalBackends(10, 2) })
      const { before, after } = change(pool, () => setBackend(pool, 'backend-3', 1))
      const { all, from, to } = moves(before, after, 'backend-3')
      expect([from, to]).to.deep.equal([all, 0])
      expect(all / KEYS).to.be.closeTo(2 / 20 - 1 / 19, 0.015)
    })

    it(`by a change of state, address or limit is nothing (${algorithm})`, () => {
      const pool = nativePool({ algorithm, backends: equalBackends(10) })
      const { before, after } = change(pool, () => {
        for (const state of [0, 1, 2]) setBackend(pool, `backend-${state}`, 1, 5, state)
        pool.setBackend('backend-9', 1, 0, 0, '192.0.2.9', 99)
      })
      expect(after).to.deep.equal(before)
    })
  }

  it('of a modulo would be nearly everything (the control)', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => i)
    const before = keys.map(key => `${key % 100}`)
    const after = keys.map(key => `${key % 99}`)
    expect(moves(before, after, '99').all).to.be.above(880)
  })
})

/** A change of one of eight backends: its weight from then on, or its removal. */
const CHANGE = fc.record({
  name: fc.integer({ min: 0, max: 7 }).map(i => `n${i}`),
  weight: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 3 })),
  /** The part of the addresses that are asked afterwards, and so memoised for the next change. */
  asked: fc.integer({ min: 0, max: 40 }),
})

describe('homes that are filled from the predecessor', () => {
  for (const algorithm of ['rendezvous', 'ring'] as const) {
    it(`are those of a fresh pool after any changes (${algorithm})`, () => {
      fc.assert(
        fc.property(fc.array(CHANGE, { minLength: 1, maxLength: 25 }), changes => follow(algorithm, changes)),
        {
          numRuns: 60,
        },
      )
    })
  }

  function follow(
    algorithm: 'rendezvous' | 'ring',
    changes: readonly { name: string; weight: number | undefined; asked: number }[],
  ): void {
    const pool = nativePool({ algorithm, backends: [] })
    const now = new Map<string, OracleBackend>()
    for (const { name, weight, asked } of changes) {
      if (weight === undefined) {
        expect(pool.removeBackend(name)).to.equal(now.delete(name))
      } else {
        setBackend(pool, name, weight)
        now.set(name, { name, weight })
      }
      pool.publish()
      const oracle = oraclePlacement({ algorithm, backends: [...now.values()] })
      const addresses = Array.from({ length: asked }, (_, i) => `10.0.0.${i}`)
      const homes = homesOf(pool, Buffer.from(addresses.map(address => `${address}\n`).join('')))
      expect(homes).to.deep.equal(addresses.map(address => oracle.home(address) ?? '-'))
    }
  }
})
