import { expect } from 'chai'
import { Outcome } from '../../../src/native.ts'
import { bound } from '../../helpers/oracle/picker.ts'
import { gauges, loads, type Picked, pick, unpack } from '../../helpers/oracle/picks.ts'
import { nthAddress, Random } from '../../helpers/oracle/random.ts'
import { nativePool } from '../../helpers/oracle/subject.ts'

const FACTORS = [1, 1.05, 1.1, 1.25, 1.5, 2]
const SIZES = [1, 2, 3, 7, 100]

/** Where the keys of a run come from. */
const TRAFFIC = {
  'different keys': (i: number) => nthAddress(i),
  'one key only': () => '192.0.2.1',
  'keys of one home and others': (i: number) => (i % 3 === 0 ? nthAddress(i) : '192.0.2.1'),
} as const

describe('the bound', () => {
  it('is what the paper has, in integers', () => {
    expect(bound(1250, 0, 1, 1)).to.equal(2)
    expect(bound(1000, 0, 1, 100)).to.equal(1)
    // As a double, 1.1 · 50 rounds up to 56.
    expect(bound(1100, 49, 1, 1)).to.equal(55)
    expect(bound(1250, 999, 1, 100)).to.equal(13)
    expect(bound(1250, 999, 3, 300)).to.equal(13)
    expect(bound(2000, 9, 65_535, 65_536)).to.equal(20)
  })

  for (const [traffic, addressOf] of Object.entries(TRAFFIC)) {
    for (const factor of FACTORS) {
      it(`holds after every assignment and reaches its limit: ${traffic}, c = ${factor}`, () => {
        for (const size of SIZES) hold(size, factor, addressOf)
      })
    }
  }

  /** Fills a pool, lets half of the sessions go, and fills it again; judges every pick. */
  function hold(size: number, factor: number, addressOf: (i: number) => string): void {
    const random = new Random(size)
    const backends = Array.from({ length: size }, (_, i) => ({ name: `b${i}`, weight: 1 + (size > 3 ? i % 3 : 0) }))
    const total = backends.reduce((sum, { weight }) => sum + weight, 0)
    const pool = nativePool({ factor, backends })
    const limit = (i: number, m: number): number => bound(factor * 1000, m, backends[i]?.weight ?? 0, total)
    let held: Picked[] = []
    let atLimit = 0
    const fill = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const m = held.length
        const taken = pick(pool, addressOf(i))
        held.push(taken)
        const load = loads(pool, size)[taken.backend] ?? 0
        if (load > limit(taken.backend, m)) expect.fail(`n=${size} m=${m}: ${load} > ${limit(taken.backend, m)}`)
        if (load === limit(taken.backend, m)) atLimit++
      }
    }
    fill(400)
    for (const { handle } of random.shuffled(held).splice(0, 200)) {
      pool.release(handle, Outcome.served)
      held = held.filter(taken => taken.handle !== handle)
    }
    // A bound that fell below a load stops new keys there, and nothing else.
    fill(200)
    // A bound that was never reached would prove nothing. Alone, a backend has all sessions and c times the room.
    if (size > 1 || factor === 1) expect(atLimit, `n=${size}`).to.be.above(0)
    expect(gauges(pool).seats).to.equal(held.length)
  }

  it('is off with a factor of 0', () => {
    const pool = nativePool({ factor: 0, backends: [1, 2, 3].map(i => ({ name: `b${i}`, weight: 1 })) })
    const taken = Array.from({ length: 50 }, () => pick(pool, '192.0.2.1'))
    expect(new Set(taken.map(({ backend, reason }) => `${backend} ${reason}`))).to.have.lengthOf(1)
    expect(taken[0]?.reason).to.equal('home')
  })

  it('leaves a backend of the least weight one session', () => {
    const backends = [
      { name: 'light', weight: 1 },
      { name: 'heavy', weight: 65_535 },
    ]
    const pool = nativePool({ factor: 1, backends })
    for (let i = 0; i < 200; i++) pick(pool, nthAddress(i))
    expect(loads(pool, 2)[0]).to.be.at.most(1)
  })
})

describe('all backends at their limits', () => {
  const backends = [1, 2, 3].map(i => ({ name: `b${i}`, weight: 1, maxSessions: 1 }))

  it('three times the load is refused past maxSessions 1, and only past it', () => {
    const pool = nativePool({ factor: 1.25, backends })
    const outcomes = Array.from({ length: 9 }, (_, i) => unpack(pool.pick(nthAddress(i))))
    expect(outcomes.slice(0, 3).every(outcome => typeof outcome === 'object')).to.equal(true)
    expect(outcomes.slice(3)).to.deep.equal(Array(6).fill('poolFull'))
    expect(loads(pool, 3)).to.deep.equal([1, 1, 1])
    // A refused pick holds nothing.
    expect(gauges(pool)).to.include({ seats: 3, outstanding: 3 })
  })

  it('the bound counts only the backends that still take sessions', () => {
    // Two full backends leave the third alone: it takes everything that is left, whatever c is.
    const mixed = backends.map((backend, i) => ({ ...backend, maxSessions: i === 2 ? 0 : 1 }))
    const pool = nativePool({ factor: 1, backends: mixed })
    for (let i = 0; i < 30; i++) pick(pool, nthAddress(i))
    expect(loads(pool, 3)).to.deep.equal([1, 1, 28])
  })

  it('serves again as soon as one session ends', () => {
    const pool = nativePool({ factor: 1.25, backends })
    const held = Array.from({ length: 3 }, (_, i) => pick(pool, nthAddress(i)))
    expect(unpack(pool.pick(nthAddress(3)))).to.equal('poolFull')
    pool.release(held[1]?.handle ?? -1, Outcome.served)
    expect(pick(pool, nthAddress(3)).backend).to.equal(held[1]?.backend)
    expect(unpack(pool.pick(nthAddress(4)))).to.equal('poolFull')
  })

  it('nobody ready is another refusal than everybody full', () => {
    for (const state of [1, 2]) {
      const pool = nativePool({ factor: 1.25, backends: backends.map(backend => ({ ...backend, state })) })
      expect(unpack(pool.pick(nthAddress(0)))).to.equal('noBackend')
    }
    const without = nativePool({ backends: backends.map(backend => ({ ...backend, weight: 0 })) })
    expect(unpack(without.pick(nthAddress(0)))).to.equal('noBackend')
    expect(unpack(nativePool({ backends: [] }).pick(nthAddress(0)))).to.equal('noBackend')
    expect(unpack(without.pick('not an address'))).to.equal('badAddress')
    expect(gauges(without)).to.include({ seats: 0, outstanding: 0 })
  })
})
