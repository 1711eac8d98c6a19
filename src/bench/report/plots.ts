import type { BenchResult } from '../result.ts'
import { barPlot } from './bar-plot.ts'
import { chartsOf, plotName } from './charts.ts'
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
    return { name: plotName(bench, chart), svg: finish(drawSvg(option, PLOT_WIDTH, height)) }
  })
}

/** Colours of the dark; and identifiers that do not count the plots of this process, so that equal results give equal files. */
function finish(svg: string): string {
  return `${svg.replace(/\bzr\d+-/g, 'p-').replace(/^<svg[^>]*>/, head => head + darkStyle())}\n`
}
