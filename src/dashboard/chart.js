// Lines over time, by uPlot (uplot.js has made it global). It draws on a canvas: colours are asked for at each drawing.

import { clock } from './figures.js'

const { uPlot } = globalThis
const HEIGHT = 130
/** Kinds of scales, by uPlot's numbers; the second is linear about 0 and logarithmic far from it. */
const LINEAR = 1
const ASINH = 4
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
/** Room for the numbers of the left axis. */
const AXIS_WIDTH = 54

/** Seconds between the times below a chart. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600]

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name)
const dark = matchMedia('(prefers-color-scheme: dark)')

export class Chart {
  /** For whoever looks at the page. */
  root = document.createElement('div')
  #plot
  #names

  /**
   * @param lines of each its name and the CSS variable of its colour
   * @param format makes text of a value
   * @param options what is not as usual: `isWide`, small values are seen beside large ones; `incrs`, of the left axis
   */
  constructor(lines, format, { isWide = false, ...more } = {}) {
    this.root.className = 'chart'
    this.root.setAttribute('role', 'img')
    this.#names = lines.map(([name]) => name)
    const isOne = lines.length === 1
    const series = lines.map(([label, variable]) => ({
      label,
      stroke: () => colour(variable),
      fill: isOne ? () => colour('--area') : undefined,
      width: 2,
      points: { show: false },
      value: (_, value) => (value === null || value === undefined ? '–' : format(value)),
    }))
    const left = isWide ? { splits: (_, _axis, _least, most) => powersTo(most), filter: (_, all) => all } : {}
    const options = {
      width: 300,
      height: HEIGHT,
      series: [{ label: 'at', value: (_, at) => (at === null ? '–' : clock(at * 1000)) }, ...series],
      axes: [
        axis({ values: (_, all) => all.map(at => clock(at * 1000)), incrs: TIME_STEPS, space: 80, size: 22 }),
        axis({
          values: (_, all) => all.map(one => (one === null ? '' : format(one))),
          size: AXIS_WIDTH,
          space: 26,
          ...left,
          ...more,
        }),
      ],
      scales: {
        y: { distr: isWide ? ASINH : LINEAR, range: (_, _least, most) => [0, most > 0 ? most * 1.08 : 1] },
      },
      padding: [8, 26, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { size: 6 } },
      legend: { show: !isOne, markers: { width: 0, fill: (_, at) => colour(lines[at - 1][1]) } },
    }
    this.#plot = new uPlot(options, [[], ...lines.map(() => [])], this.root)
    new ResizeObserver(() => this.#fit()).observe(this.root)
    dark.addEventListener('change', () => this.#plot.redraw())
  }

  /** The newest values are told in the legend, while no other ones are pointed at, and to who does not see the lines. */
  show(times, columns, format) {
    this.#plot.setData([times, ...columns])
    if ((this.#plot.cursor.idx ?? null) === null) this.#plot.setLegend({ idx: times.length - 1 })
    const told = columns.map((values, at) => `${this.#names[at]} ${values.length > 0 ? format(values.at(-1)) : '–'}`)
    this.root.setAttribute('aria-label', `Last minutes; now ${told.join(', ')}`)
  }

  #fit() {
    const width = this.root.clientWidth
    if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT })
  }
}

/** 0, 1, 10, 100 …; beside large numbers 1 would be too close to 0. */
function powersTo(most) {
  const powers = Array.from({ length: Math.max(1, Math.floor(Math.log10(most)) + 1) }, (_, power) => 10 ** power)
  return [0, ...(powers.length > 2 ? powers.slice(1) : powers)]
}

function axis(options) {
  const line = { stroke: () => colour('--line'), width: 1 }
  return { stroke: () => colour('--quiet'), font: FONT, gap: 4, grid: line, ticks: { ...line, size: 4 }, ...options }
}
