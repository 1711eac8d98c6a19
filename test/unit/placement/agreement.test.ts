import { expect } from 'chai'
import { addressLines, homesOf } from '../../helpers/oracle/homes.ts'
import { Random } from '../../helpers/oracle/random.ts'
import { MEMBERS, poolOf, twoProcesses, viaDetours } from './agreement.ts'

const LINES = addressLines(100_000)

describe('agreement', () => {
  for (const algorithm of ['rendezvous', 'ring'] as const) {
    it(`of two processes with the same secret, whatever the order of listing (${algorithm})`, async () => {
      const [one, other] = await twoProcesses(algorithm, 100_000)
      expect(one).to.match(/^[0-9a-f]{64} [0-9a-f]{64}$/)
      expect(other).to.equal(one)
    })

    it(`of every way to a membership: added, removed, re-added, re-weighted in any order (${algorithm})`, () => {
      const direct = homesOf(poolOf(algorithm, MEMBERS), LINES)
      for (let seed = 0; seed < 5; seed++) {
        expect(homesOf(viaDetours(algorithm, new Random(seed)), LINES), `seed ${seed}`).to.deep.equal(direct)
      }
    })

    it(`is about 1/n with another secret (${algorithm})`, () => {
      for (const count of [2, 10, 100]) {
        const backends = MEMBERS.slice(0, count).map(({ name }) => ({ name, weight: 1 }))
        const one = homesOf(poolOf(algorithm, backends, 'one secret'), LINES)
        const other = homesOf(poolOf(algorithm, backends, 'other secret'), LINES)
        const equal = one.filter((home, i) => home === other[i]).length / one.length
        // Two rings that are each uneven agree a little more or less often than even ones.
        expect(equal, `${count} backends`).to.be.closeTo(1 / count, 0.02 / Math.sqrt(count))
      }
    })
  }
})
