import { expect } from 'chai'
import { Outcome } from '../../../src/native.ts'
import { loads, type Picked, pick } from '../../helpers/oracle/picks.ts'
import { nthAddress, Random } from '../../helpers/oracle/random.ts'
import { equalBackends, nativePool, setBackend } from '../../helpers/oracle/subject.ts'

const COUNT = 12

describe('a live session', () => {
  it('is never moved by a pick, an end or a change of the pool', () => {
    const pool = nativePool({ factor: 1.1, tableSize: 10_000, backends: equalBackends(COUNT) })
    const random = new Random(11)
    const held: Picked[] = []
    const expected = Array<number>(COUNT).fill(0)
    const move = (backend: number, by: number): void => {
      expected[backend] = (expected[backend] ?? 0) + by
    }
    for (let i = 0; i < 20_000; i++) {
      const act = random.below(100)
      if (act < 60) {
        const taken = pick(pool, nthAddress(random.below(5000)))
        held.push(taken)
        move(taken.backend, 1)
      } else if (act < 95 && held.length > 0) {
        const [ended] = held.splice(random.below(held.length), 1)
        if (ended === undefined) continue
        pool.release(ended.handle, random.pick([Outcome.served, Outcome.failed, Outcome.abandoned]))
        move(ended.backend, -1)
      } else {
        // Weights, limits and states of all kinds; one backend always serves.
        const i = random.below(COUNT)
        setBackend(pool, `backend-${i}`, i === 0 ? 1 : random.below(4), 0, i === 0 ? 0 : random.below(3))
        pool.publish()
      }
      const now = loads(pool, COUNT)
      if (now.join() !== expected.join()) expect(now, `step ${i}`).to.deep.equal(expected)
    }
    expect(held.length).to.be.above(1000)
  })

  it('stays with a backend that is removed, and its seat comes back', () => {
    const pool = nativePool({ factor: 1.25, backends: equalBackends(3) })
    const held = Array.from({ length: 30 }, (_, i) => pick(pool, nthAddress(i)))
    const before = loads(pool, 3)
    pool.removeBackend('backend-1')
    pool.publish()
    expect(loads(pool, 3)).to.deep.equal(before)
    for (const { handle } of held) pool.release(handle, Outcome.served)
    expect(loads(pool, 3)).to.deep.equal([0, 0, 0])
  })

  it('leaves no room to others on a removed backend: the bound counts only those who serve', () => {
    const pool = nativePool({ factor: 1, backends: equalBackends(3) })
    for (let i = 0; i < 30; i++) pick(pool, nthAddress(i))
    pool.removeBackend('backend-1')
    pool.publish()
    for (let i = 30; i < 40; i++) pick(pool, nthAddress(i))
    expect(loads(pool, 3)).to.deep.equal([15, 10, 15])
  })
})
