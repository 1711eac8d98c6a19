import type { BenchResult, Series } from '../result.ts'
import { ratios, summary } from '../statistics.ts'
import { type Chart, chartsOf, direction, mainCharts, quantity, seriesAt } from './charts.ts'
import { formatNumber, formatPlace, formatRatio, formatSummary } from './numbers.ts'

/** Rows of text; the first column holds names, the others numbers. */
export interface Table {
  title: string
  header: string[]
  rows: string[][]
}

/** In place of what was not measured. */
const NOTHING = '–'

/** A table for each trial and metric. `spread`: cells of tables with an axis say how far the samples spread. */
export function tablesOf({ series }: Pick<BenchResult, 'series'>, spread: boolean): Table[] {
  return chartsOf(series).map(chart => (chart.axis === undefined ? bySubject(chart) : byPlace(chart, spread)))
}

function bySubject(chart: Chart): Table {
  const isExpected = chart.series.some(({ expected }) => expected !== undefined)
  const header = ['', 'median', 'min … max', ...(isExpected ? ['expected'] : [])]
  const rows = chart.series.map(({ subject, samples, expected }) => {
    const found = summary(samples)
    const range = found === undefined ? NOTHING : `${formatNumber(found.min)} … ${formatNumber(found.max)}`
    const cells = [subject, found === undefined ? NOTHING : formatNumber(found.median), range]
    return isExpected ? [...cells, expected === undefined ? NOTHING : formatNumber(expected)] : cells
  })
  return { title: titleOf(chart), header, rows }
}

function byPlace(chart: Chart, spread: boolean): Table {
  const { axis = '', subjects, places } = chart
  const columns = subjects.flatMap(subject => columnsOf(chart, subject, spread))
  const header = [axis, ...columns.map(({ name }) => name)]
  const rows = places.map(place => [formatPlace(place), ...columns.map(({ cell }) => cell(place))])
  return { title: titleOf(chart), header, rows }
}

interface Column {
  name: string
  cell: (place: number) => string
}

/** Of one subject: what was measured, and beside it what was expected, if something was. */
function columnsOf(chart: Chart, subject: string, spread: boolean): Column[] {
  const at = (place: number): Series | undefined => seriesAt(chart, subject, place)
  const measured: Column = { name: subject, cell: place => measuredText(at(place), spread) }
  if (!chart.places.some(place => at(place)?.expected !== undefined)) return [measured]
  const expected: Column = {
    name: 'expected',
    cell: place => {
      const value = at(place)?.expected
      return value === undefined ? NOTHING : formatNumber(value)
    },
  }
  return [measured, expected]
}

function measuredText(series: Series | undefined, spread: boolean): string {
  const found = series === undefined ? undefined : summary(series.samples)
  if (found === undefined) return NOTHING
  return spread ? formatSummary(found) : formatNumber(found.median)
}

function titleOf(chart: Chart): string {
  const hint = direction(chart)
  return `${chart.trial}: ${quantity(chart)}${hint === '' ? '' : ` (${hint})`}`
}

/**
 * Limpet against everybody else, pair by pair in each round: subjects whose name begins with Limpet, over each of the
 * others of the same trial, metric and place. Metrics of which no side is better have no ratio.
 */
export function ratioTables({ series }: Pick<BenchResult, 'series'>): Table[] {
  return chartsOf(series).flatMap(chart => {
    const [own, others] = [chart.subjects.filter(isOwn), chart.subjects.filter(subject => !isOwn(subject))]
    if (chart.better === 'neither' || own.length === 0 || others.length === 0) return []
    const places = chart.axis === undefined ? [undefined] : chart.places
    const rows = places.flatMap(place =>
      own.map(subject => [
        place === undefined ? subject : `${subject}, ${formatPlace(place)} ${chart.axis}`,
        ...others.map(other => ratioText(seriesAt(chart, subject, place), seriesAt(chart, other, place))),
      ]),
    )
    return [{ title: titleOf(chart), header: ['ratio to', ...others], rows }]
  })
}

export function isOwn(subject: string): boolean {
  return /^Limpet\b/.test(subject)
}

function ratioText(subject: Series | undefined, reference: Series | undefined): string {
  const found = subject && reference && ratios(subject.samples, reference.samples)
  return found === undefined ? NOTHING : formatSummary(found, formatRatio)
}

/** The main metric of every trial without an axis, in one table: medians, and a column for each subject. */
export function mainTable(result: Pick<BenchResult, 'series'>): Table | undefined {
  const charts = mainCharts(chartsOf(result.series)).filter(({ axis }) => axis === undefined)
  if (charts.length === 0) return undefined
  const subjects = [...new Set(charts.flatMap(chart => chart.subjects))]
  const rows = charts.map(chart => [
    `${chart.trial}: ${quantity(chart)}`,
    ...subjects.map(subject => measuredText(seriesAt(chart, subject), false)),
  ])
  return { title: '', header: ['', ...subjects], rows }
}
