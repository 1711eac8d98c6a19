import { expect } from 'chai'
import { Random } from '../../helpers/oracle/random.ts'
import { expectSame } from '../../helpers/oracle/same.ts'
import { twoProcesses } from './agreement.ts'

const KEYS = 1_000_000

describe('placement with a million keys', () => {
  for (const algorithm of ['rendezvous', 'ring'] as const) {
    it(`agrees with the oracle, home and order (${algorithm})`, () => {
      const random = new Random(1)
      function* addresses(): Generator<string> {
        for (let i = 0; i < KEYS; i++) yield i % 2 === 0 ? random.ipv4() : random.ipv6()
      }
      const backends = Array.from({ length: 12 }, (_, i) => ({ name: `node${i}`, weight: 1 + (i % 5) }))
      expectSame({ algorithm, ipv6Prefix: 56, backends }, addresses())
    })

    it(`agrees between two processes that list their backends in different orders (${algorithm})`, async () => {
      const [one, other] = await twoProcesses(algorithm, KEYS)
      expect(one).to.match(/^[0-9a-f]{64} [0-9a-f]{64}$/)
      expect(other).to.equal(one)
    })
  }
})
