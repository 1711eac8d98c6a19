import type { Plan } from '../../index.ts'
import { visible } from '../../visible.ts'
import { type Cell, tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { counted, countText, shareText } from './figures.ts'

/** More moves than this are told by their number. */
const MOST_MOVES = 20
/** More backends than this are told only if they change. */
const MOST_BACKENDS = 30

/** What becomes of clients whose pins are on backends that serve on. */
const STAYING: Record<Plan['returnHome'], string> = {
  never: 'Clients with other pins stay where they are.',
  'next-connect':
    'Clients with other pins stay where they are; those that were sent elsewhere go home with their next connection.',
  'after-idle':
    'Clients with other pins stay where they are; those that were sent elsewhere go home once they have no session.',
}

/** A plan for people. */
export function planText(pool: string, plan: Plan, isRunning: boolean, terminal: Terminal): string {
  const { homesMoved, isExact, moves } = plan
  const share = `${isExact ? '' : 'about '}${shareText(homesMoved)}`
  const head = `pool ${visible(pool)}: ${share} of the clients get another home`
  const lines = [terminal.style('bold', terminal.cut(head)), '', ...backendLines(plan, terminal)]
  if (moves.length > 0) lines.push('', ...moveLines(plan, terminal))
  lines.push('', ...notes(plan, isRunning).map(note => terminal.style('dim', terminal.cut(note))))
  return `${lines.join('\n')}\n`
}

function backendLines({ backends }: Plan, terminal: Terminal): string[] {
  const isShort = backends.length <= MOST_BACKENDS
  const shown = isShort
    ? backends
    : backends.filter(({ before, after }) => before === 0 || after === 0).slice(0, MOST_BACKENDS)
  const right = (header: string): { header: string; toRight: true } => ({ header, toRight: true })
  const rows = shown.map(({ name, before, after }): Cell[] => [
    visible(name),
    shareText(before),
    shareText(after),
    changeCell(after - before),
  ])
  const rest = backends.length - shown.length
  return [
    ...tableLines([{ header: 'BACKEND' }, right('BEFORE'), right('AFTER'), right('CHANGE')], rows, terminal),
    ...(rest > 0 ? [terminal.cut(`  and ${countText(rest)} more, whose shares change a little; --json has all`)] : []),
  ]
}

function changeCell(change: number): Cell {
  if (change === 0) return '-'
  const text = `${change > 0 ? '+' : '-'}${shareText(Math.abs(change))}`
  return { text, style: change > 0 ? 'green' : 'yellow' }
}

function moveLines({ moves }: Plan, terminal: Terminal): string[] {
  const name = (backend: string | null): string => (backend === null ? '(no home)' : visible(backend))
  const rows = moves.slice(0, MOST_MOVES).map(({ from, to, share }) => [name(from), name(to), shareText(share)])
  const rest = moves.length - rows.length
  return [
    ...tableLines([{ header: 'FROM' }, { header: 'TO' }, { header: 'SHARE', toRight: true }], rows, terminal),
    ...(rest > 0 ? [terminal.cut(`  and ${countText(rest)} smaller ones; --json has all`)] : []),
  ]
}

function notes({ sample, isExact, pinsMoved, sessionsMoved, returnHome }: Plan, isRunning: boolean): string[] {
  const places = isExact
    ? 'Exact: every place of the key space was looked at.'
    : `A sample of ${countText(sample)} places: shares are within ${shareText((2.6 * 0.5) / Math.sqrt(sample))} or so.`
  if (!isRunning) return [places, 'By the file alone: it knows no pins and no sessions.']
  const clients = `${counted(pinsMoved, 'pin')} and ${counted(sessionsMoved, 'session')} are on backends that would serve no more.`
  return [places, clients, `${STAYING[returnHome]} Nothing was changed.`]
}
