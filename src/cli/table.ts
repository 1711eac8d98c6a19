import type { Format, Terminal } from './terminal.ts'

/** A column of a table for people. */
export interface Column {
  header: string
  /** Numbers are. */
  toRight?: boolean
}

/** What stands in a row; a style colours it. */
export type Cell = string | { text: string; style: Format }

const GAP = '  '

/** Lines of a table, cut to the width of a terminal; colours count for nothing. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
): string[] {
  const texts = rows.map(row => row.map(textOf))
  const widths = columns.map(({ header }, at) =>
    texts.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), header.length),
  )
  const line = (cells: readonly Cell[]): string => {
    let left = terminal.width ?? Number.POSITIVE_INFINITY
    let text = ''
    for (const [at, cell] of cells.entries()) {
      const isLast = at === cells.length - 1
      const padded = pad(textOf(cell), widths[at] ?? 0, columns[at]?.toRight === true, isLast)
      const shown = cutTo(GAP + padded, left)
      text += typeof cell === 'string' ? shown : terminal.style(cell.style, shown)
      left -= shown.length
    }
    return text.trimEnd()
  }
  const header = columns.map(({ header }): Cell => ({ text: header, style: 'dim' }))
  return [header, ...rows].map(line)
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text
}

function pad(text: string, width: number, toRight: boolean, isLast: boolean): string {
  if (toRight) return text.padStart(width)
  return isLast ? text : text.padEnd(width)
}

function cutTo(text: string, width: number): string {
  return text.length <= width ? text : width < 1 ? '' : `${text.slice(0, width - 1)}…`
}
