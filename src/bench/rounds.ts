import { setImmediate } from 'node:timers/promises'
import { LimpetError } from '../errors.ts'
import type { BenchContext, Place, Series } from './result.ts'

/** A metric of a {@link Cell}. */
export interface Measure extends Pick<Series, 'metric' | 'unit' | 'better'> {
  /** What was published, or what the theory says. */
  expected?: number | undefined
}

/** What is measured at one go: one subject at one place of one trial. */
export interface Cell {
  trial: string
  subject: string
  at?: Place
  /** What {@link Cell.run} gives, in this order. */
  measures: readonly Measure[]
  /** @param round - from 0 */
  run: (round: number, signal: AbortSignal) => Promise<readonly number[]>
}

/**
 * Measures every cell once a round: the cells of a round alternate, so that a machine that gets slower gets slower for
 * all. A cell that fails has no sample in that round, and a note says why; others go on. After an abort what is missing
 * stays empty; rejects with the reason if not one cell was measured.
 */
export async function alternate(cells: readonly Cell[], context: BenchContext): Promise<Series[]> {
  const { rounds, signal } = context
  const series = cells.map(cell => seriesOf(cell, rounds))
  context.plan(rounds * cells.length)
  for (let round = 0; round < rounds; round++) {
    for (const index of order(cells.length, round)) {
      const cell = cells[index]
      if (cell === undefined) continue
      // Cells that compute in this process would let no signal through.
      await setImmediate()
      if (signal.aborted) return stopped(series, context, round)
      context.step(`${label(cell)}, round ${round + 1} of ${rounds}`)
      const values = await run(cell, round, context)
      for (const [at, one] of (series[index] ?? []).entries()) one.samples[round] = values?.[at] ?? null
      if (signal.aborted) return stopped(series, context, round)
    }
  }
  return series.flat()
}

function seriesOf({ trial, subject, at, measures }: Cell, rounds: number): Series[] {
  return measures.map(({ metric, unit, better, expected }) => ({
    trial,
    subject,
    metric,
    unit,
    better,
    ...(at === undefined ? {} : { at }),
    samples: Array.from({ length: rounds }, () => null),
    ...(expected === undefined ? {} : { expected }),
  }))
}

/** Each round begins elsewhere, and every other one goes backwards: nobody always follows the same neighbour. */
export function order(count: number, round: number): number[] {
  const turned = Array.from({ length: count }, (_, i) => (i + round) % count)
  return round % 2 === 0 ? turned : turned.reverse()
}

function label({ trial, subject, at }: Cell): string {
  const place = at === undefined ? '' : `, ${at.name} ${at.value.toLocaleString('en')}`
  return `${trial}: ${subject}${place}`
}

async function run(cell: Cell, round: number, { signal, note }: BenchContext): Promise<readonly number[] | undefined> {
  try {
    return await cell.run(round, signal)
  } catch (error) {
    if (signal.aborted) return undefined
    if (!(error instanceof LimpetError)) throw error
    note(`${label(cell)}, round ${round + 1}: ${error.message}`)
    return undefined
  }
}

/** The rounds that were begun; of the last one something may be missing. */
function stopped(series: readonly Series[][], { signal, rounds, note }: BenchContext, round: number): Series[] {
  const all = series.flat()
  if (all.every(({ samples }) => samples.every(sample => sample === null))) throw signal.reason
  const begun = all.some(({ samples }) => (samples[round] ?? null) !== null) ? round + 1 : round
  note(`stopped in round ${round + 1} of ${rounds}: what has no sample was not measured any more`)
  return all.map(one => ({ ...one, samples: one.samples.slice(0, begun) }))
}
