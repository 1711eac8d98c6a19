import type { ClosingInfo, DiscoveryStatus, ListenerStats, PoolStats, Stats } from '../../index.ts'
import type { ThreadPrivileges } from '../../os/thread-privileges.ts'
import { visible } from '../../visible.ts'
import { type Column, tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { backendLines, mayServe } from './backend-table.ts'
import { closingText } from './closing-text.ts'
import { clusterLines } from './cluster-text.ts'
import { bytesText, counted, countText, shareText, timeText } from './figures.ts'
import { privilegeLines } from './privileges-text.ts'

/** The answer of `/v1/status`. */
export interface StatusReport {
  version: string
  pid: number
  startedAt: string
  uptimeMs: number
  status: string
  config: string | null
  generation: number
  /** Those that run. */
  closings: ClosingInfo[]
  threads: ThreadPrivileges[]
  stats: Stats
}

/** What grew since the last look, each second. */
export interface Rates {
  sessions: number
  bytesToBackend: number
  bytesToClient: number
  /** Sessions of each backend, by pool and name. */
  backends: (pool: string, backend: string) => number
}

/** `status` for people. */
export function statusLines(report: StatusReport, rates: Rates | undefined, terminal: Terminal): string[] {
  const { cluster, listeners, pools } = report.stats
  return [
    ...headLines(report, rates, terminal),
    ...report.closings.map(closing => terminal.cut(closingText(closing))),
    ...clusterLines(cluster, terminal),
    ...listenerLines(Object.entries(listeners), terminal),
    ...Object.entries(pools).flatMap(([name, pool]) => ['', ...poolLines(name, pool, rates, terminal)]),
  ]
}

function headLines(
  { version, pid, uptimeMs, status, config, generation, threads, stats }: StatusReport,
  rates: Rates | undefined,
  terminal: Terminal,
): string[] {
  const facts = [
    `up ${timeText(uptimeMs)}`,
    counted(stats.sessions, 'session'),
    `generation ${generation}`,
    `pid ${pid}`,
  ]
  const name = `limpet ${visible(version)}`
  const rest = terminal.cut(`${name}  ${visible(status)}  ${facts.join('  ')}`).slice(name.length)
  const lines = [terminal.style('bold', name) + rest]
  if (config !== null) lines.push(terminal.style('dim', terminal.cut(visible(config))))
  // It does not change: whoever watches the process need not see it all the while.
  if (rates === undefined) lines.push(...privilegeLines(threads, terminal))
  else {
    const { sessions, bytesToBackend, bytesToClient } = rates
    const flow = `${bytesText(bytesToBackend)}/s to backends  ${bytesText(bytesToClient)}/s to clients`
    lines.push(terminal.cut(`${sessions.toFixed(0)} sessions/s  ${flow}`))
  }
  return lines
}

function listenerLines(listeners: readonly [string, ListenerStats][], terminal: Terminal): string[] {
  if (listeners.length === 0) return []
  const columns: Column[] = [
    { header: 'LISTENER' },
    { header: 'ADDRESS' },
    { header: 'POOL' },
    { header: 'SESSIONS', toRight: true },
  ]
  const rows = listeners.map(([name, { address, pool, pools = [], sessions }]) => [
    visible(name),
    addressText(address),
    visible(pool ?? pools.join(', ')),
    countText(sessions),
  ])
  return ['', ...tableLines(columns, rows, terminal)]
}

function addressText(address: ListenerStats['address']): string {
  if (address === null) return 'closed'
  if (typeof address === 'string') return visible(address)
  return `${address.family === 'IPv6' ? `[${visible(address.address)}]` : visible(address.address)}:${address.port}`
}

function poolLines(name: string, pool: PoolStats, rates: Rates | undefined, terminal: Terminal): string[] {
  const { backends, table, isFailOpen, queue, rebalance } = pool
  const sessions = backends.reduce((sum, backend) => sum + backend.sessions, 0)
  const serving = backends.filter(backend => mayServe(backend, isFailOpen)).length
  const pins = table.capacity === 0 ? [] : [`${countText(table.entries)} of ${counted(table.capacity, 'pin')}`]
  const facts = [
    `${serving} of ${counted(backends.length, 'backend')} ${serving === 1 ? 'serves' : 'serve'}`,
    counted(sessions, 'session'),
    ...(queue.waiting === 0 ? [] : [`${countText(queue.waiting)} waiting`]),
    ...pins,
  ]
  const title = `pool ${visible(name)}`
  const lines = [terminal.style('bold', title) + terminal.cut(`${title}  ${facts.join('  ')}`).slice(title.length)]
  if (rebalance?.state === 'running') {
    const { moved, total, remainingMs } = rebalance
    const far = `${countText(moved)} of ${counted(total, 'client')} brought home`
    lines.push(terminal.cut(`  ${far}, ${timeText(remainingMs)} left if nobody has to wait`))
  }
  if (isFailOpen) {
    lines.push(
      terminal.style('red', terminal.cut('  so few backends are up that checks are not believed: all of them serve')),
    )
  }
  if (pool.discovery !== undefined) lines.push(...discoveryLines(pool.discovery, terminal))
  for (const fact of [moveText(pool), fileText(pool)]) {
    if (fact !== undefined) lines.push(terminal.style('dim', terminal.cut(`  ${fact}`)))
  }
  return [...lines, ...backendLines({ ...pool, name }, rates, terminal)]
}

function discoveryLines(discovery: DiscoveryStatus, terminal: Terminal): string[] {
  const { source, found, ageMs, nextInMs, error, isFresh } = discovery
  const facts = [
    `${counted(found, 'backend')} found`,
    ageMs === undefined ? 'never yet' : `${timeText(ageMs)} ago`,
    ...(nextInMs === undefined ? [] : [`again in ${timeText(nextInMs)}`]),
  ]
  const line = terminal.style('dim', terminal.cut(`  ${visible(source)}: ${facts.join(', ')}`))
  if (error === undefined) return [line]
  const wrong = `  ${isFresh ? 'a part of it failed' : 'the backends stay as they are'}: ${visible(error)}`
  return [line, terminal.style(isFresh ? 'yellow' : 'red', terminal.cut(wrong))]
}

function moveText({ lastMove }: PoolStats): string | undefined {
  if (lastMove === undefined) return undefined
  const { homesMoved, pinsMoved, time } = lastMove
  const moved = `${shareText(homesMoved)} of the homes and ${counted(pinsMoved, 'pin')}`
  return `the last change moved ${moved}, ${timeText(Date.now() - time)} ago`
}

function fileText({ table: { file } }: PoolStats): string | undefined {
  if (file === undefined) return undefined
  const { generation, restored, dropped, torn, setAside } = file
  const facts = [`${counted(restored, 'pin')} came back`]
  if (dropped > 0) facts.push(`${countText(dropped)} dropped`)
  if (torn > 0) facts.push(`${counted(torn, 'bucket')} cleared`)
  if (setAside > 0) facts.push('a file that was not to be believed was set aside')
  return `table file, opened ${counted(generation, 'time')}: ${facts.join(', ')}`
}
