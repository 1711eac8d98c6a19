import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { Placement } from '../../../src/core/placement.ts'
import {
  computeRows,
  GOLDEN,
  type GoldenRow,
  goldenRows,
  goldenSets,
  workedExample,
} from '../../helpers/oracle/golden.ts'
import { nativePool } from '../../helpers/oracle/subject.ts'

describe('the golden homes', () => {
  const sets = goldenSets()
  const rows = goldenRows()

  /** The rows of each set and algorithm, with a function that answers like them. */
  function each(answers: (algorithm: GoldenRow['algorithm'], set: string) => (row: GoldenRow) => string): void {
    for (const algorithm of ['rendezvous', 'ring'] as const) {
      for (const set of Object.keys(sets)) {
        const own = rows.filter(row => row.algorithm === algorithm && row.set === set)
        expect(own.length, `${algorithm} ${set}`).to.be.at.least(250)
        const answer = answers(algorithm, set)
        expect(own.map(answer).join('\n')).to.equal(own.map(({ home, second }) => `${home} ${second}`).join('\n'))
      }
    }
  }

  it('are those of the Placement of a secret, as a user makes it', () => {
    each((placement, set) => {
      const subject = new Placement({ placement, ...sets[set], backends: sets[set]?.backends ?? [] })
      return ({ address }) => {
        const [home, second] = subject.order(address)
        expect(subject.home(address)).to.equal(home)
        return `${home} ${second}`
      }
    })
  })

  it('are those of a pool', () => {
    each((algorithm, set) => {
      const backends = sets[set]?.backends ?? []
      const pool = nativePool({ algorithm, ...sets[set], backends })
      return ({ address }) => {
        const [home = -1, second = -1] = pool.explain(address)?.order ?? []
        return `${backends[home]?.name} ${backends[second]?.name}`
      }
    })
  })

  it('are those of the oracle', () => {
    expect(rows.map(row => Object.values(row).join()).join('\n')).to.equal(computeRows().join('\n'))
  })

  it('are described with every value in between', () => {
    expect(readFileSync(new URL('README.md', GOLDEN), 'utf8')).to.contain(`\n${workedExample()}\n`)
  })
})
