import type { BenchResult } from '../result.ts'
import { barPlot } from './bar-plot.ts'
import { chartsOf, plotName, quantity } from './charts.ts'
import { darkStyle } from './colours.ts'
import { drawSvg, type PlotOption } from './echarts.ts'
import { linePlot } from './line-plot.ts'

export interface Plot {
  /** Of the file. */
  name: string
  svg: string
}

/** What a kind of plot makes of a chart. */
export interface Drawing {
  option: PlotOption
  height: number
}

export const PLOT_WIDTH = 760

/** A plot for each trial and metric, beside its table; or of these charts only. */
export function plotsOf({ bench, series }: Pick<BenchResult, 'bench' | 'series'>, charts = chartsOf(series)): Plot[] {
  return charts.map(chart => {
    const { option, height } = chart.axis === undefined ? barPlot(chart) : linePlot(chart)
    return {
      name: plotName(bench, chart),
      svg: finish(drawSvg(option, PLOT_WIDTH, height), `${chart.trial}: ${quantity(chart)}`),
    }
  })
}

/** What echarts adds for a mouse, with names that count the plots of this process. */
const INTERACTION = [/ (class|pointer-events|ecmeta_\w+)="[^"]*"/g, /<style\s*>\s*<!\[CDATA\[.*?\]\]>\s*<\/style>\n?/gs]

/** A picture, with a title for those who do not see it, and the colours of the dark; equal results give equal files. */
function finish(svg: string, title: string): string {
  const still = INTERACTION.reduce((text, pattern) => text.replace(pattern, ''), svg)
  return `${still.replace(/\bzr\d+-/g, 'p-').replace(/^<svg[^>]*>/, head => `${head}<title>${escaped(title)}</title>${darkStyle()}`)}\n`
}

function escaped(text: string): string {
  return text.replace(/[<>&]/g, sign => `&#${sign.charCodeAt(0)};`)
}
