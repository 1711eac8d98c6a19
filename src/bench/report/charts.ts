import type { BenchName, Series } from '../result.ts'

/** The series of one trial, metric and axis: a table, and a plot. */
export interface Chart {
  trial: string
  metric: string
  unit: string
  better: Series['better']
  /** Name of the horizontal axis; undefined: there is none, and each subject has one series. */
  axis: string | undefined
  /** In the order in which they come first. */
  subjects: string[]
  /** Ascending; empty without an axis. */
  places: number[]
  series: Series[]
}

/** Trials in the order in which they come first. */
export function chartsOf(series: readonly Series[]): Chart[] {
  return grouped(series, ({ trial, at }) => JSON.stringify([trial, at?.name])).flatMap(chartsOfTrial)
}

/** In the order of the subject that has most metrics: others lack one, like the process time of those without a process. */
function chartsOfTrial(series: readonly Series[]): Chart[] {
  const metrics = grouped(series, ({ subject }) => subject).map(own => new Set(own.map(({ metric }) => metric)))
  const order = new Set(metrics.sort((left, right) => right.size - left.size).flatMap(names => [...names]))
  return [...order].map(metric => chartOf(series.filter(one => one.metric === metric)))
}

function chartOf(series: Series[]): Chart {
  const [first] = series
  if (first === undefined) throw new RangeError('a chart has a series')
  const { trial, metric, unit, better, at } = first
  const subjects = [...new Set(series.map(({ subject }) => subject))]
  const places = [...new Set(series.flatMap(one => one.at?.value ?? []))].sort((left, right) => left - right)
  return { trial, metric, unit, better, axis: at?.name, subjects, places, series }
}

/** In the order in which the groups come first. */
function grouped(series: readonly Series[], keyOf: (series: Series) => string): Series[][] {
  const groups = new Map<string, Series[]>()
  for (const one of series) {
    const key = keyOf(one)
    const group = groups.get(key) ?? []
    groups.set(key, group)
    group.push(one)
  }
  return [...groups.values()]
}

/** The series of a subject, at a place if there is an axis. */
export function seriesAt({ series }: Chart, subject: string, place?: number): Series | undefined {
  return series.find(one => one.subject === subject && one.at?.value === place)
}

/** "picks, 1/s" */
export function quantity({ metric, unit }: Pick<Chart, 'metric' | 'unit'>): string {
  return unit === '' ? metric : `${metric}, ${unit}`
}

/** "lower is better", or nothing. */
export function direction({ better }: Pick<Chart, 'better'>): string {
  return better === 'neither' ? '' : `${better} is better`
}

/** File of the plot of a chart: `pick-pick-by-pins-picks.svg`. */
export function plotName(bench: BenchName, { trial, metric, axis }: Pick<Chart, 'trial' | 'metric' | 'axis'>): string {
  const words = `${bench} ${trial} ${metric} ${axis ?? ''}`.toLowerCase().match(/[a-z0-9.]+/g) ?? []
  return `${words.join('-')}.svg`
}

/** The charts of the main metric of every trial: its first one. */
export function mainCharts(charts: readonly Chart[]): Chart[] {
  return charts.filter(
    chart => charts.find(({ trial, axis }) => trial === chart.trial && axis === chart.axis) === chart,
  )
}
