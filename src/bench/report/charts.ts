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

/** In the order in which they come first. */
export function chartsOf(series: readonly Series[]): Chart[] {
  const charts = new Map<string, Chart>()
  for (const one of series) {
    const { trial, metric, unit, better, at } = one
    const key = JSON.stringify([trial, metric, at?.name])
    const chart = charts.get(key) ?? {
      trial,
      metric,
      unit,
      better,
      axis: at?.name,
      subjects: [],
      places: [],
      series: [],
    }
    charts.set(key, chart)
    chart.series.push(one)
    if (!chart.subjects.includes(one.subject)) chart.subjects.push(one.subject)
    if (at !== undefined && !chart.places.includes(at.value)) chart.places.push(at.value)
  }
  for (const { places } of charts.values()) places.sort((left, right) => left - right)
  return [...charts.values()]
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
