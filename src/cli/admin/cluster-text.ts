import type { ClusterStatus, RosterStatus } from '../../index.ts'
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
  const { store, isSynced, error, member, members, backlog, rosters = [] } = cluster
  const state = isSynced ? terminal.style('green', 'synced') : terminal.style('yellow', 'not synced')
  const facts = [`cluster ${visible(store)}`, `as ${visible(member)}`, `${counted(backlog, 'exception')} to tell`]
  const lines = ['', `${state}  ${terminal.cut(facts.join('  '))}`]
  if (error !== undefined) lines.push(terminal.style('yellow', terminal.cut(`  ${visible(error)}`)))
  lines.push(...rosters.flatMap(roster => rosterLines(roster, terminal)))
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

/** Nothing: nobody has changed anything. */
function rosterLines(
  { pool, version, newest, by, actor, at, isLocal, error }: RosterStatus,
  terminal: Terminal,
): string[] {
  if (newest === 0 && !isLocal && error === undefined) return []
  const who = `${actor === undefined ? '' : `${visible(actor)} at `}${visible(by ?? '')}`
  const when = at === undefined ? '' : ` by ${who}, ${new Date(at).toISOString()}`
  const lines = [`  pool ${visible(pool)}: shared backends of version ${version}${version === newest ? when : ''}`]
  if (version !== newest) lines.push(`  pool ${visible(pool)}: version ${newest}${when} is not in use here`)
  if (isLocal) lines.push(`  pool ${visible(pool)}: backends were changed at this balancer only`)
  if (error !== undefined) lines.push(`  pool ${visible(pool)}: ${visible(error)}`)
  return lines.map((line, at) => (at === 0 ? terminal.cut(line) : terminal.style('yellow', terminal.cut(line))))
}
