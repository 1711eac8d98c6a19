import type { ClusterStatus } from '../../index.ts'
import { visible } from '../../visible.ts'
import { type Column, tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { counted, timeText } from './figures.ts'

const COLUMNS: Column[] = [
  { header: 'BALANCER' },
  { header: 'SEEN', toRight: true },
  { header: 'VERSION' },
  { header: 'DIGEST' },
]

/** What a balancer has with others, for people; nothing: it is alone. */
export function clusterLines(cluster: ClusterStatus | undefined, terminal: Terminal): string[] {
  if (cluster === undefined) return []
  const { store, isSynced, error, member, members, backlog } = cluster
  const state = isSynced ? terminal.style('green', 'synced') : terminal.style('yellow', 'not synced')
  const facts = [`cluster ${visible(store)}`, `as ${visible(member)}`, `${counted(backlog, 'exception')} to tell`]
  const lines = ['', `${state}  ${terminal.cut(facts.join('  '))}`]
  if (error !== undefined) lines.push(terminal.style('yellow', terminal.cut(`  ${visible(error)}`)))
  if (members.length === 0) return lines
  const rows = members.map(({ name, ageMs, isLive, version, digest }) => [
    visible(name),
    isLive ? 'now' : `${timeText(ageMs)} ago`,
    visible(version),
    visible(digest),
  ])
  const differing = members.flatMap(({ name, isLive, differences }) =>
    isLive ? differences.map(difference => `  ${visible(name)}: ${visible(difference)}`) : [],
  )
  return [
    ...lines,
    ...tableLines(COLUMNS, rows, terminal),
    ...differing.map(line => terminal.style('yellow', terminal.cut(line))),
  ]
}
