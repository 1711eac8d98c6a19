import { chartsOf, mainCharts, plotName } from './report/charts.ts'
import { markdownTable, reportSections } from './report/markdown.ts'
import { type Plot, plotsOf } from './report/plots.ts'
import { mainTable } from './report/tables.ts'
import type { BenchName, BenchResult } from './result.ts'

// docs/performance.md and the table of the README: what is between their marks is made of reports (npm run bench:docs), the
// rest is written by hand.

const ORDER: readonly BenchName[] = ['relay', 'scale', 'keys', 'pick', 'affinity']
const TITLES: Readonly<Record<BenchName, string>> = {
  relay: 'Connections, round trips, bytes, idle sessions',
  scale: 'While something grows',
  keys: 'Keys of the first bytes',
  pick: 'Picks',
  affinity: 'Homes',
}
/** Where the plots are, as docs/performance.md names it. */
const PLOTS = 'plots'

/** What docs/performance.md has of these reports. */
export function performanceSection(results: readonly BenchResult[]): string {
  const ordered = [...results].sort((left, right) => ORDER.indexOf(left.bench) - ORDER.indexOf(right.bench))
  return ordered
    .map(result => {
      const shown = new Set(mainCharts(chartsOf(result.series)).map(chart => plotName(result.bench, chart)))
      const sections = reportSections(result, '###', chart => {
        const name = plotName(result.bench, chart)
        return shown.has(name) ? `${PLOTS}/${name}` : undefined
      })
      return `## ${TITLES[result.bench]}: \`limpet bench ${result.bench}\`\n\n${sections}`
    })
    .join('\n')
}

/** The plots that {@link performanceSection} shows. */
export function performancePlots(results: readonly BenchResult[]): Plot[] {
  return results.flatMap(result => plotsOf(result, mainCharts(chartsOf(result.series))))
}

/** What the README has of these reports: the main table of the relay; empty without a report of it. */
export function readmeSection(results: readonly BenchResult[]): string {
  const relay = results.find(({ bench }) => bench === 'relay')
  const table = relay === undefined ? undefined : mainTable(relay)
  if (relay === undefined || table === undefined) return ''
  const { began, limpet, machine } = relay
  const commit = limpet.commit === undefined ? '' : `, commit ${limpet.commit}`
  const where = `Medians of ${relay.rounds} rounds, ${began.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, Node ${machine.node}${commit}`
  return `${markdownTable(table)}\n\n${where}: \`limpet bench relay\`, in full in [docs/performance.md](docs/performance.md).\n`
}

/**
 * A document with other text between its marks.
 *
 * @throws a `RangeError` if it has none
 */
export function withSection(document: string, text: string): string {
  const [begin, end] = ['<!-- npm run bench:docs: begin -->', '<!-- npm run bench:docs: end -->']
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) throw new RangeError(`the document has no lines ${begin} and ${end}`)
  const inner = text === '' ? '\n' : `\n\n${text.trim()}\n\n`
  return document.slice(0, from + begin.length) + inner + document.slice(to)
}
