import type { Series } from '../result.ts'
import { summary } from '../statistics.ts'
import { type Chart, quantity, seriesAt } from './charts.ts'
import { INK } from './colours.ts'
import { colourOf, numberAxis, type RenderApi, strokes, TEXT, titlePart, valuesOf } from './plot-parts.ts'
import type { Drawing } from './plots.ts'

const CAP = 4
const EXPECTED = 'expected'

/** A line for each subject, with the spread of its samples; dashed: what was expected. */
export function linePlot(chart: Chart): Drawing {
  const { subjects, places, axis = '' } = chart
  const hasExpected = chart.series.some(({ expected }) => expected !== undefined)
  const names = [...subjects, ...(hasExpected ? [EXPECTED] : [])]
  const option = {
    backgroundColor: INK.background,
    title: titlePart(chart),
    legend: {
      left: 16,
      bottom: 10,
      width: '95%',
      itemGap: 18,
      textStyle: TEXT,
      data: names.map(name =>
        name === EXPECTED ? { name, lineStyle: { color: INK.faint, type: 'dashed' } } : { name },
      ),
    },
    grid: { left: 84, right: 32, top: 72, bottom: 92 },
    xAxis: horizontal(axis, places),
    yAxis: { ...numberAxis(quantity(chart), valuesOf(chart)), nameGap: 56 },
    series: subjects.flatMap(subject => [
      ...expectedLine(chart, subject),
      measuredLine(chart, subject),
      whiskers(chart, subject),
    ]),
  }
  return { option, height: 420 }
}

/** Ticks where something was measured, and nowhere else. */
function horizontal(name: string, places: readonly number[]): object {
  const common = numberAxis(name, places)
  return {
    ...common,
    nameGap: 28,
    min: places[0],
    max: places.at(-1),
    splitLine: { show: false },
    axisTick: { ...(common.axisTick as object), customValues: places },
    axisLabel: { ...(common.axisLabel as object), customValues: places, showMinLabel: true, showMaxLabel: true },
  }
}

function measuredLine(chart: Chart, subject: string): object {
  const colour = colourOf(chart, subject)
  return {
    type: 'line',
    name: subject,
    data: points(chart, subject, ({ samples }) => summary(samples)?.median),
    symbol: 'circle',
    symbolSize: 7,
    lineStyle: { color: colour, width: 2 },
    itemStyle: { color: colour },
    clip: false,
  }
}

function expectedLine(chart: Chart, subject: string): object[] {
  const data = points(chart, subject, ({ expected }) => expected)
  if (data.length === 0) return []
  const colour = colourOf(chart, subject)
  return [
    {
      type: 'line',
      name: EXPECTED,
      data,
      symbol: 'emptyDiamond',
      symbolSize: 10,
      lineStyle: { color: colour, width: 1.5, type: 'dashed' },
      itemStyle: { color: colour },
      clip: false,
    },
  ]
}

function whiskers(chart: Chart, subject: string): object {
  return {
    type: 'custom',
    data: chart.places.flatMap(place => {
      const found = summary(seriesAt(chart, subject, place)?.samples ?? [])
      return found === undefined || found.min === found.max ? [] : [[place, found.min, found.max]]
    }),
    encode: { x: 0, y: [1, 2] },
    renderItem: (_: unknown, api: RenderApi) => {
      const [x, low] = api.coord([api.value(0), api.value(1)])
      const [, high] = api.coord([api.value(0), api.value(2)])
      const lines = [
        [x, low, x, high],
        [x - CAP, low, x + CAP, low],
        [x - CAP, high, x + CAP, high],
      ] as const
      return strokes(lines, colourOf(chart, subject))
    },
  }
}

function points(chart: Chart, subject: string, value: (series: Series) => number | undefined): [number, number][] {
  return chart.places.flatMap(place => {
    const series = seriesAt(chart, subject, place)
    const found = series === undefined ? undefined : value(series)
    return found === undefined ? [] : [[place, found] satisfies [number, number]]
  })
}
