import type { BenchResult } from '../result.ts'
import { type Chart, chartsOf, plotName } from './charts.ts'
import { ratioTables, type Table, tablesOf } from './tables.ts'

/** `report.md`: everything that was found, for reading; the plots lie beside it. */
export function reportMarkdown(result: BenchResult): string {
  const plotOf = (chart: Chart): string => plotName(result.bench, chart)
  return `# limpet bench ${result.bench}\n\n${reportSections(result, '##', plotOf)}`
}

/**
 * The same as a part of another document, with headings of this level.
 *
 * @param plotOf - the path of a chart's plot; undefined: it is not shown
 */
export function reportSections(
  result: BenchResult,
  level: string,
  plotOf: (chart: Chart) => string | undefined,
): string {
  const tables = tablesOf(result, true)
  const parts = [facts(result)]
  for (const [index, chart] of chartsOf(result.series).entries()) {
    const table = tables[index]
    if (table === undefined) continue
    const plot = plotOf(chart)
    parts.push(`${level} ${capital(table.title)}`)
    if (plot !== undefined) parts.push(`![${capital(table.title)}](${plot})`)
    parts.push(markdownTable(table))
  }
  const ratios = ratioTables(result)
  if (ratios.length > 0) {
    parts.push(`${level} Ratios`, 'Pair by pair in each round: median (min … max).')
    for (const table of ratios) parts.push(`${capital(table.title)}:`, markdownTable(table))
  }
  return `${parts.join('\n\n')}\n`
}

/** When, where, with what; and what a reader must know. */
function facts({ limpet, machine, began, seconds, rounds, options, programs, notes }: BenchResult): string {
  const { cpu, cores, memoryMiB, kernel, node } = machine
  const commit = limpet.commit === undefined ? '' : `, commit ${limpet.commit}`
  const memory = `${Math.round(memoryMiB / 1024)} GiB`
  const given = Object.entries(options).map(([name, value]) => `${name} ${value}`)
  const versions = Object.entries(programs).map(([name, version]) => `${name} ${version}`)
  return [
    `- ${began.slice(0, 10)}, Limpet ${limpet.version}${commit}, Node ${node}, ${kernel}`,
    `- ${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${memory}`,
    `- ${rounds} ${rounds === 1 ? 'round' : 'rounds'} in ${Math.round(seconds)} s: medians (min … max)${given.length === 0 ? '' : `; ${given.join(', ')}`}`,
    ...(versions.length === 0 ? [] : [`- beside it: ${versions.join(', ')}`]),
    ...notes.map(note => `- ${oneLine(note)}`),
  ].join('\n')
}

export function markdownTable({ header, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = `|${header.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`
  return [line(header), rule, ...rows.map(line)].join('\n')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
