import type { Series } from '../result.ts'

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
