import type { Table } from '../../bench/report/tables.ts'
import type { Terminal } from '../terminal.ts'

const GAP = '  '

/** A table for people: names to the left, numbers to the right, cut to the width of a terminal. */
export function tableText({ title, header, rows }: Table, terminal: Terminal): string {
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map(row => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    return terminal.cut(`${GAP}${padded.join(GAP)}`.trimEnd())
  }
  const lines = [terminal.style('bold', terminal.cut(title)), terminal.style('dim', line(header)), ...rows.map(line)]
  return `${lines.join('\n')}\n`
}
