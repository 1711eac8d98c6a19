import { expect } from 'chai'
import { addressLines, homesOf } from '../../helpers/oracle/homes.ts'
import { loads } from '../../helpers/oracle/picks.ts'
import { nthAddress } from '../../helpers/oracle/random.ts'
import { chiSquare, chiSquareLimit } from '../../helpers/oracle/statistics.ts'
import { equalBackends, nativePool } from '../../helpers/oracle/subject.ts'

const BACKENDS = equalBackends(20)
const VICTIM = 'backend-3'
const SOURCES = 500

/** Addresses that whoever knows the secret chooses for their home. */
function chosen(secret: string): string[] {
  const homes = homesOf(nativePool({ secret, backends: BACKENDS }), addressLines(20_000))
  const addresses = homes.flatMap((home, i) => (home === VICTIM ? [nthAddress(i)] : []))
  expect(addresses.length).to.be.at.least(SOURCES)
  return addresses.slice(0, SOURCES)
}

describe('500 sources that were chosen to meet at one backend', () => {
  const sources = chosen('the secret that leaked')
  const lines = Buffer.from(sources.map(address => `${address}\n`).join(''))

  it('spread like any others under another secret', () => {
    const homes = homesOf(nativePool({ secret: 'the secret in use', backends: BACKENDS }), lines)
    const counts = BACKENDS.map(({ name }) => homes.filter(home => home === name).length)
    const even = BACKENDS.map(() => SOURCES / BACKENDS.length)
    expect(chiSquare(counts, even)).to.be.below(chiSquareLimit(BACKENDS.length - 1))
    // The control: under the leaked secret all are at the victim.
    const leaked = homesOf(nativePool({ secret: 'the secret that leaked', backends: BACKENDS }), lines)
    expect(new Set(leaked)).to.deep.equal(new Set([VICTIM]))
  })

  it('cannot push their backend past the bound, even with the secret', () => {
    const pool = nativePool({ secret: 'the secret that leaked', factor: 1.25, backends: BACKENDS })
    for (const [m, address] of sources.entries()) {
      expect(pool.pick(address)).to.be.at.least(0)
      const bound = Math.max(1, Math.ceil((1250 * (m + 1)) / (BACKENDS.length * 1000)))
      expect(Math.max(...loads(pool, BACKENDS.length))).to.be.at.most(bound)
    }
    expect(loads(pool, BACKENDS.length)[3]).to.equal(Math.ceil((1.25 * SOURCES) / BACKENDS.length))
  })
})
