import { summary } from '../statistics.ts'
import { type Chart, quantity, seriesAt } from './charts.ts'
import { INK } from './colours.ts'
import { formatNumber } from './numbers.ts'
import { barColour, numberAxis, type RenderApi, strokes, TEXT, titlePart } from './plot-parts.ts'
import type { Drawing } from './plots.ts'

const BAR = 20
const ROW = 36
const CAP = 5
/** About the width of a character of the labels. */
const CHARACTER = 7

/** A bar for each subject, with the spread of its samples; a dashed line across it: what was expected. */
export function barPlot(chart: Chart): Drawing {
  const { subjects } = chart
  const left = 28 + CHARACTER * Math.max(...subjects.map(({ length }) => length))
  const option = {
    backgroundColor: INK.background,
    title: titlePart(chart),
    grid: { left, right: 84, top: 72, bottom: 56 },
    // A bar begins at zero, so its axis is never logarithmic.
    xAxis: { ...numberAxis(quantity(chart), []), min: 0, nameGap: 28 },
    yAxis: {
      type: 'category',
      inverse: true,
      data: subjects,
      axisLabel: TEXT,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: INK.grid } },
    },
    series: [bars(chart), marks(chart)],
  }
  return { option, height: 128 + ROW * subjects.length }
}

function bars(chart: Chart): object {
  return {
    type: 'bar',
    barWidth: BAR,
    data: chart.subjects.map(subject => ({
      value: summary(seriesAt(chart, subject)?.samples ?? [])?.median ?? 0,
      itemStyle: { color: barColour(chart, subject), borderRadius: 2 },
    })),
  }
}

/** Spread, value and expectation: row, median, min, max, and what was expected or -1. */
function marks(chart: Chart): object {
  return {
    type: 'custom',
    encode: { x: [1, 2, 3], y: 0 },
    data: chart.subjects.flatMap((subject, row) => {
      const series = seriesAt(chart, subject)
      const found = summary(series?.samples ?? [])
      return found === undefined ? [] : [[row, found.median, found.min, found.max, series?.expected ?? -1]]
    }),
    renderItem: (_: unknown, api: RenderApi) => {
      const at = (dimension: number): [number, number] => api.coord([api.value(dimension), api.value(0)])
      const [[low, y], [high]] = [at(2), at(3)]
      const spread = [
        [low, y, high, y],
        [low, y - CAP, low, y + CAP],
        [high, y - CAP, high, y + CAP],
      ] as const
      const expected = api.value(4)
      const [mark] = at(4)
      const ends = Math.max(high, expected < 0 ? 0 : mark)
      const text = {
        ...TEXT,
        fill: INK.text,
        text: formatNumber(api.value(1)),
        x: ends + 8,
        y,
        verticalAlign: 'middle',
      }
      return {
        type: 'group',
        children: [
          ...(api.value(2) === api.value(3) ? [] : [strokes(spread, INK.text)]),
          ...(expected < 0 ? [] : [expectedMark(mark, y)]),
          { type: 'text', style: text },
        ],
      }
    },
  }
}

function expectedMark(x: number, y: number): object {
  const shape = { x1: x, y1: y - BAR / 2 - 4, x2: x, y2: y + BAR / 2 + 4 }
  return { type: 'line', shape, style: { stroke: INK.text, lineWidth: 2, lineDash: [3, 2], fill: 'none' } }
}
