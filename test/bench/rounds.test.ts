import { expect } from 'chai'
import type { BenchContext } from '../../src/bench/result.ts'
import { alternate, type Cell } from '../../src/bench/rounds.ts'
import { LimpetError } from '../../src/errors.ts'

/** A context that keeps what it is told. */
function contextOf(rounds: number) {
  const aborter = new AbortController()
  const said = { planned: 0, steps: [] as string[], notes: [] as string[] }
  const context: BenchContext = {
    rounds,
    quick: false,
    signal: aborter.signal,
    plan: steps => {
      said.planned += steps
    },
    step: label => said.steps.push(label),
    note: text => said.notes.push(text),
  }
  return { context, said, aborter }
}

const measures = [
  { metric: 'time', unit: 's', better: 'lower' },
  { metric: 'rate', unit: '1/s', better: 'higher', expected: 3 },
] as const

function cell(subject: string, run: Cell['run']): Cell {
  return { trial: 'work', subject, at: { name: 'size', value: 1000 }, measures, run }
}

describe('bench: rounds', () => {
  it('measures every cell once a round, and nobody always after the same neighbour', async () => {
    const { context, said } = contextOf(4)
    const order: string[][] = [[], [], [], []]
    const cells = ['a', 'b', 'c'].map((subject, index) =>
      cell(subject, async round => {
        order[round]?.push(subject)
        return [round, index]
      }),
    )
    const series = await alternate(cells, context)
    expect(series).to.have.length(6)
    expect(series[3]).to.deep.equal({
      ...{ trial: 'work', subject: 'b', at: { name: 'size', value: 1000 } },
      ...{ metric: 'rate', unit: '1/s', better: 'higher', expected: 3, samples: [1, 1, 1, 1] },
    })
    expect(series[4]?.samples).to.deep.equal([0, 1, 2, 3])
    for (const round of order) expect(round).to.have.members(['a', 'b', 'c'])
    expect(new Set(order.map(String)).size).to.equal(4)
    expect(said).to.deep.include({ planned: 12, notes: [] })
    expect(said.steps).to.have.length(12)
    expect(said.steps[0]).to.equal('work: a, size 1,000, round 1 of 4')
  })

  it('goes on after a cell that failed, without its sample and with a note', async () => {
    const { context, said } = contextOf(2)
    const failing = cell('a', async round => {
      if (round === 0) throw new LimpetError('LIMPET_ERR_BENCH_PROGRAM', 'it ended with 7')
      return [1, 2]
    })
    const series = await alternate([failing, cell('b', async () => [3, 4])], context)
    expect(series.map(({ samples }) => samples)).to.deep.equal([
      [null, 1],
      [null, 2],
      [3, 3],
      [4, 4],
    ])
    expect(said.notes).to.deep.equal(['work: a, size 1,000, round 1: it ended with 7'])
  })

  it('does not hide a fault of its own', async () => {
    const { context } = contextOf(1)
    const fault = new TypeError('a fault')
    const broken = cell('a', async () => {
      throw fault
    })
    expect(await alternate([broken], context).catch((error: unknown) => error)).to.equal(fault)
  })

  it('gives back what was measured before an abort', async () => {
    const { context, said, aborter } = contextOf(9)
    const last = cell('b', async round => {
      if (round === 1) aborter.abort(new Error('enough'))
      aborter.signal.throwIfAborted()
      return [round, round]
    })
    const series = await alternate([cell('a', async () => [5, 6]), last], context)
    expect(series.map(({ samples }) => samples.length)).to.satisfy((lengths: number[]) => new Set(lengths).size === 1)
    expect(series[0]?.samples[0]).to.equal(5)
    expect(series[2]?.samples[0]).to.equal(0)
    expect(series[2]?.samples.slice(1).every(sample => sample === null)).to.equal(true)
    expect(said.notes).to.deep.equal(['stopped in round 2 of 9: what has no sample was not measured any more'])
  })

  it('rejects with the reason of an abort before anything was measured', async () => {
    const { context, aborter } = contextOf(2)
    const reason = new Error('enough')
    aborter.abort(reason)
    expect(await alternate([cell('a', async () => [1, 2])], context).catch((error: unknown) => error)).to.equal(reason)
  })
})
