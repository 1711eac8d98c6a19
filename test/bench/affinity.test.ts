import { expect } from 'chai'
import { balanceCell, sharesCell } from '../../src/bench/affinity/balance.ts'
import { CHANGES, movementCell } from '../../src/bench/affinity/movement.ts'
import { BOUNDED_SUBJECTS, capacityCell, liveCell } from '../../src/bench/affinity/overflow.ts'
import { prefixCell, WIDTHS } from '../../src/bench/affinity/prefixes.ts'
import { MODULO, RENDEZVOUS, RING } from '../../src/bench/affinity/subjects.ts'
import { deviationOfKeys, deviationOfShares, IDEAL, OVERFLOW } from '../../src/bench/affinity/theory.ts'
import type { Cell } from '../../src/bench/rounds.ts'

const { signal } = new AbortController()
const OWN = [RENDEZVOUS, RING]

/** Means over some rounds, which are the same in every run. */
async function means(cell: Cell, rounds = 3): Promise<number[]> {
  const runs = await Promise.all(Array.from({ length: rounds }, (_, round) => cell.run(round, signal)))
  return cell.measures.map((_, at) => runs.reduce((sum, values) => sum + (values[at] ?? NaN), 0) / rounds)
}

describe('bench affinity: what it finds is what theory says', () => {
  it('the same in every run, and other in every round', async () => {
    for (const cell of [
      balanceCell(RENDEZVOUS, 10, 2_000),
      movementCell(RING, 'add', 2_000),
      liveCell('ring', 200, 1.25),
    ]) {
      const [first, again, other] = await Promise.all([0, 0, 1].map(round => cell.run(round, signal)))
      expect(first).to.deep.equal(again)
      expect(first).not.to.deep.equal(other)
    }
  })

  it('deviation of keys and of shares', async () => {
    for (const subject of [...OWN, MODULO]) {
      const [deviation = 0, peak = 0] = await means(balanceCell(subject, 100, 20_000))
      const expected = deviationOfKeys(subject.name, subject.points, 100, 20_000)
      expect(deviation / expected, subject.name).to.be.within(0.85, 1.15)
      expect(peak).to.be.within(1 + deviation / 100, 1 + (4 * deviation) / 100)
    }
    for (const subject of OWN) {
      const [deviation = 0] = await means(sharesCell(subject, 10))
      expect(deviation / deviationOfShares(subject.name, subject.points, 10), subject.name).to.be.within(0.5, 1.5)
    }
    // The standard error of a ring with 100 points of a backend: Lamping and Veach, table 1.
    expect(deviationOfShares('ring', 100, 1_000_000)).to.be.closeTo(9.97, 0.05)
  })

  it('a change moves what it must, and nobody in vain', async () => {
    for (const change of CHANGES) {
      for (const subject of OWN) {
        const [moved, inVain] = await means(movementCell(subject, change, 20_000))
        expect(moved, `${subject.name}, ${change}`).to.be.closeTo(IDEAL[change](100), 0.35)
        expect(inVain, `${subject.name}, ${change}`).to.equal(0)
      }
      const [moved = 0, inVain = 0] = await means(movementCell(MODULO, change, 5_000), 1)
      expect(moved, `modulo, ${change}`).to.be.within(98, 100)
      expect(inVain, `modulo, ${change}`).to.be.within(95, 100)
    }
    expect([IDEAL.add(1), IDEAL.remove(4), IDEAL.weight(1)]).to.deep.equal([50, 25, 0])
  })

  it('a width of keys that adapts keeps more together than the usual one, and crowds less', async () => {
    const found = new Map<string, number[]>()
    for (const width of WIDTHS.filter(({ name }) => ['/56', '/64', '/128', 'pool, auto'].includes(name))) {
      const cell = prefixCell(width)
      found.set(cell.subject, await means(cell, 1))
    }
    // Kept: stable, privacy, rotating, neighbours, crowd; then the busiest backend.
    const figures = (name: string): number[] => found.get(name) ?? []
    expect(figures('/56').slice(0, 5)).to.deep.equal([100, 100, 100, 100, 100])
    expect(figures('/64')[2]).to.be.within(50, 60)
    expect(figures('/128')[1]).to.be.below(10)
    const [stable, privacy, rotating, neighbours, crowd, busiest] = figures('pool, auto')
    expect([stable, privacy, neighbours]).to.deep.equal([100, 100, 100])
    expect(rotating).to.be.above(97)
    expect(crowd).to.be.above(99)
    expect(busiest).to.be.below((figures('/64')[5] ?? 0) * 0.6)
  })

  it('the rule of the paper sends as many past their home as published', async () => {
    for (const [subject, factor, tolerance] of [
      ['rendezvous', 1.1, 2.5],
      ['rendezvous', 1.25, 1.5],
      ['rendezvous', 2, 0.1],
      ['ring', 1.25, 2.5],
    ] as const) {
      const [overflow = 0, probes = 0, fullest = 0] = await means(capacityCell(subject, 1_000, factor))
      expect(overflow, `${subject}, ${factor}`).to.be.closeTo(OVERFLOW[subject]?.[1_000]?.[factor] ?? NaN, tolerance)
      expect(probes).to.be.within(1 + overflow / 100, 1 + (3 * overflow) / 100)
      expect(fullest).to.be.at.most(Math.ceil(10 * factor) / 10)
    }
  })

  it('the live bound holds for everybody, and modulo crowds its neighbours', async () => {
    const figures = await Promise.all(
      Object.keys(BOUNDED_SUBJECTS).map(subject => means(liveCell(subject, 1_000, 1.1), 1)),
    )
    for (const [overflow = 0, , fullest = 0] of figures) {
      expect(overflow).to.be.within(35, 60)
      expect(fullest).to.be.at.most(Math.ceil(1.1 * 10.01) / 10)
    }
    const [rendezvous, , modulo] = figures
    expect(modulo?.[1]).to.be.above(1.2 * (rendezvous?.[1] ?? Infinity))
  })
})
