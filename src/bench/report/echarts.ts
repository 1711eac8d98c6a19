// The plotting library. In dist this file is a bundle of it (scripts/lib/bundle.mjs): a plot draws as text, without a
// browser, and an installed Limpet has no dependency for it.
import { BarChart, CustomChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, CustomChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

/** What `setOption` of echarts takes. */
export type PlotOption = Record<string, unknown>

/** The plot as an SVG document. */
export function drawSvg(option: PlotOption, width: number, height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({ animation: false, ...option })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}
