import type { BenchResult, Place, Series } from './result.ts'
import { overlap, ratioOfRuns, type Summary, summary } from './statistics.ts'

/** What became of one series. */
export interface Change {
  trial: string
  subject: string
  metric: string
  unit: string
  better: Series['better']
  at?: Place
  before: number
  after: number
  /** After / before: of the medians, and the farthest apart that samples of both may be. */
  ratio: Summary
  /** The ranges of the samples have a value in common. */
  isNoise: boolean
}

/** Two runs of the same benchmark. */
export interface Comparison {
  /** In the order of the later run. */
  changes: Change[]
  /** Why the figures may differ for other reasons than the code. */
  notes: string[]
}

/** Compares the series that both have. */
export function compare(before: BenchResult, after: BenchResult): Comparison {
  const known = new Map(before.series.map(series => [keyOf(series), series]))
  const changes = after.series.flatMap(series => {
    const earlier = known.get(keyOf(series))
    const change = earlier === undefined ? undefined : changeOf(earlier, series)
    return change === undefined ? [] : [change]
  })
  return { changes, notes: notesOf(before, after, changes.length) }
}

/** How many times worse it became; less than 1: it became better. Undefined: neither direction is better. */
export function worsening({ better, ratio }: Change): number | undefined {
  if (better === 'neither') return undefined
  return better === 'lower' ? ratio.median : 1 / ratio.median
}

function keyOf({ trial, subject, metric, unit, at }: Series): string {
  return JSON.stringify([trial, subject, metric, unit, at?.name, at?.value])
}

/** Undefined: one of them has no sample, or there is no ratio to nothing. */
function changeOf(earlier: Series, later: Series): Change | undefined {
  const [before, after] = [summary(earlier.samples), summary(later.samples)]
  const ratio = before && after && ratioOfRuns(before, after)
  if (before === undefined || after === undefined || ratio === undefined) return undefined
  const { trial, subject, metric, unit, better, at } = later
  const what = { trial, subject, metric, unit, better, ...(at === undefined ? {} : { at }) }
  return { ...what, before: before.median, after: after.median, ratio, isNoise: overlap(before, after) }
}

function notesOf(before: BenchResult, after: BenchResult, compared: number): string[] {
  const differences: [string, unknown, unknown][] = [
    ...fieldsOf('machine', before.machine, after.machine),
    ...fieldsOf('option', before.options, after.options),
    ...fieldsOf('version of', before.programs, after.programs),
    ['rounds', before.rounds, after.rounds],
  ]
  const notes = differences
    .filter(([, left, right]) => left !== right)
    .map(([name, left, right]) => `${name} differs: ${left ?? 'none'} before, ${right ?? 'none'} after`)
  const fromNothing = seriesFromNothing(before, after)
  notes.push(...fromNothing)
  const apart = new Set([...before.series, ...after.series].map(keyOf)).size - compared - fromNothing.length
  if (apart > 0) notes.push(`${apart} series have no counterpart, no sample or nothing but zeros, and are not compared`)
  return notes
}

/** What was 0 in a sample of the earlier run, and is not now: there is no ratio, and it should not go unseen. */
function seriesFromNothing(before: BenchResult, after: BenchResult): string[] {
  const known = new Map(before.series.map(series => [keyOf(series), series]))
  return after.series.flatMap(series => {
    const [earlier, later] = [summary(known.get(keyOf(series))?.samples ?? []), summary(series.samples)]
    if (earlier === undefined || later === undefined || earlier.min > 0 || overlap(earlier, later)) return []
    const { trial, subject, metric, unit } = series
    return [`${trial}: ${subject}, ${metric}: ${earlier.median} before, ${later.median} after, ${unit}; no ratio to 0`]
  })
}

function fieldsOf(name: string, left: object, right: object): [string, unknown, unknown][] {
  const [before, after] = [new Map(Object.entries(left)), new Map(Object.entries(right))]
  const keys = new Set([...before.keys(), ...after.keys()])
  return [...keys].map(key => [`${name} ${key}`, before.get(key), after.get(key)])
}
