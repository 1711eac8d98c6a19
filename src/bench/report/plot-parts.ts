import { summary } from '../statistics.ts'
import { type Chart, direction, quantity } from './charts.ts'
import { INK, PALETTE } from './colours.ts'
import { formatPlace } from './numbers.ts'
import { isOwn } from './tables.ts'

// Without quotes: echarts puts it into an attribute as it is.
const FONT = 'system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif'
/** Past this ratio of greatest to least value an axis is logarithmic. */
const LINEAR = 30

export function titlePart({ trial, metric, unit, better, series }: Chart): object {
  const hint = series.some(({ expected }) => expected !== undefined) ? 'dashed: expected' : ''
  return {
    text: trial.charAt(0).toUpperCase() + trial.slice(1),
    subtext: [quantity({ metric, unit }), direction({ better }), hint].filter(text => text !== '').join(' · '),
    left: 16,
    top: 12,
    textStyle: { color: INK.text, fontFamily: FONT, fontSize: 16, fontWeight: 'bold' },
    subtextStyle: { color: INK.faint, fontFamily: FONT, fontSize: 12 },
  }
}

/** What every text that has no style of its own looks like. */
export const TEXT = { color: INK.text, fontFamily: FONT, fontSize: 12 } as const

/** Settings of an axis of numbers. */
export function numberAxis(name: string, values: readonly number[]): Record<string, unknown> {
  return {
    type: isWide(values) ? 'log' : 'value',
    name,
    nameLocation: 'middle',
    nameTextStyle: { ...TEXT, color: INK.faint },
    axisLabel: { ...TEXT, color: INK.faint, formatter: shortNumber, hideOverlap: true },
    axisLine: { show: true, lineStyle: { color: INK.grid } },
    axisTick: { lineStyle: { color: INK.grid } },
    splitLine: { lineStyle: { color: INK.grid } },
    minorSplitLine: { show: false },
  }
}

/** Whether values lie so far apart that only a logarithmic axis shows them all; zeros have no place on one. */
export function isWide(values: readonly number[]): boolean {
  const [least, greatest] = [Math.min(...values), Math.max(...values)]
  return values.length > 1 && least > 0 && greatest / least >= LINEAR
}

/** "1.5M" */
export function shortNumber(value: number): string {
  if (Math.abs(value) < 10_000) return formatPlace(value)
  return value.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 })
}

/** All numbers that a plot shows. */
export function valuesOf({ series }: Chart): number[] {
  return series.flatMap(({ samples, expected }) => {
    const found = summary(samples)
    return [...(found === undefined ? [] : [found.min, found.max]), ...(expected === undefined ? [] : [expected])]
  })
}

/** Limpet stands out if there are others; else everybody has a colour. */
export function colourOf({ subjects }: Chart, subject: string): string {
  return PALETTE[subjects.indexOf(subject) % PALETTE.length] ?? INK.faint
}

/** Of bars: only Limpet has a colour, if it is among others. */
export function barColour({ subjects }: Chart, subject: string): string {
  return isOwn(subject) || !subjects.some(isOwn) ? PALETTE[0] : PALETTE[7]
}

/** What is used of the arguments of a custom series' `renderItem`. */
export interface RenderApi {
  value: (dimension: number) => number
  coord: (point: readonly [number, number]) => [number, number]
}

/** Lines of one colour and width. */
export function strokes(
  lines: readonly (readonly [number, number, number, number])[],
  stroke: string,
  lineWidth = 1.5,
): object {
  return {
    type: 'group',
    children: lines.map(([x1, y1, x2, y2]) => ({
      type: 'line',
      shape: { x1, y1, x2, y2 },
      style: { stroke, lineWidth, fill: 'none' },
    })),
  }
}
