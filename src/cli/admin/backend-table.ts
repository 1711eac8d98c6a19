import type { BackendInfo } from '../../index.ts'
import { visible } from '../../visible.ts'
import { type Cell, type Column, tableLines } from '../table.ts'
import type { Format, Terminal } from '../terminal.ts'
import { countText, timeText } from './figures.ts'
import type { NamedPool } from './pools.ts'
import type { Rates } from './status-text.ts'

type BackendColumn = Column & { cell: (backend: BackendInfo) => Cell }

/** A table of the backends of a pool; `rates`: new sessions each second take the place of all there ever were. */
export function backendLines(pool: NamedPool, rates: Rates | undefined, terminal: Terminal): string[] {
  const { backends } = pool
  if (backends.length === 0) return [terminal.cut('  no backends')]
  const columns = columnsOf(pool, rates)
  const rows = backends.map(backend => columns.map(({ cell }) => cell(backend)))
  return tableLines(columns, rows, terminal)
}

function columnsOf(pool: NamedPool, rates: Rates | undefined): BackendColumn[] {
  const { backends } = pool
  const text = (header: string, cell: (backend: BackendInfo) => Cell): BackendColumn => ({ header, cell })
  const number = (header: string, cell: (backend: BackendInfo) => string): BackendColumn => ({
    header,
    cell,
    toRight: true,
  })
  const isBounded = backends.some(({ bound }) => bound !== null)
  const isShared = backends.some(({ peerSessions }) => peerSessions !== undefined)
  const isChecked = backends.some(({ health }) => health !== undefined)
  const hasAgents = backends.some(({ agent }) => agent !== undefined)
  return [
    text('BACKEND', ({ name }) => visible(name)),
    text('ADDRESS', ({ address }) => visible(address)),
    text('STATE', stateCell),
    ...(isChecked ? [text('HEALTH', healthCell)] : []),
    ...(hasAgents ? [text('AGENT', agentCell)] : []),
    number('WEIGHT', ({ weight }) => String(weight)),
    number('SESSIONS', ({ sessions }) => countText(sessions)),
    ...(isShared ? [number('PEERS', ({ peerSessions = 0 }) => countText(peerSessions))] : []),
    ...(isBounded ? [number('BOUND', ({ bound }) => limitText(bound ?? undefined))] : []),
    number('MAX', ({ maxSessions }) => limitText(maxSessions || undefined)),
    rates === undefined
      ? number('TOTAL', ({ total }) => countText(total))
      : number('NEW/S', ({ name }) => rates.backends(pool.name, name).toFixed(0)),
    number('FAILED', ({ connectFailures }) => countText(connectFailures)),
    ...(isChecked || hasAgents ? [text('REASON', reasonText)] : []),
  ]
}

/** Whether clients are sent to it, as far as a look at it tells. `isFailOpen`: whatever checks say. */
export function mayServe({ state, health, agent }: BackendInfo, isFailOpen: boolean): boolean {
  if (agent?.state === 'maint' || agent?.isUp === false) return false
  return (state === 'ready' || state === 'drain') && (isFailOpen || health?.status !== 'down')
}

/** A limit; `-`: none. */
export function limitText(limit: number | undefined): string {
  return limit === undefined ? '-' : countText(limit)
}

function stateCell({ state, weight, backup }: BackendInfo): Cell {
  const role = backup ? ', backup' : ''
  if (state !== 'ready') return { text: `${visible(state)}${role}`, style: 'yellow' }
  return { text: `ready${role}`, style: weight === 0 ? 'dim' : 'green' }
}

const HEALTH_STYLES: Readonly<Record<string, Format>> = { up: 'green', down: 'red', unknown: 'yellow' }

function healthCell({ health }: BackendInfo): Cell {
  if (health === undefined) return '-'
  const { status, since } = health
  const age = since === undefined ? '' : ` ${timeText(Date.now() - since)}`
  return { text: `${visible(status)}${age}`, style: HEALTH_STYLES[status] ?? 'dim' }
}

function agentCell({ agent }: BackendInfo): Cell {
  if (agent === undefined) return '-'
  const { isReached, isUp, state, weight, maxSessions } = agent
  const words = [
    isUp ? '' : 'down',
    state === 'ready' ? '' : visible(state),
    weight === 100 ? '' : `${weight}%`,
    maxSessions === 0 ? '' : `max ${countText(maxSessions)}`,
  ].filter(word => word !== '')
  const said = words.length === 0 && isReached ? ['ready'] : words
  const text = [...said, ...(isReached ? [] : ['no answer'])].join(', ')
  return { text, style: isUp ? (words.length === 0 && isReached ? 'green' : 'yellow') : 'red' }
}

function reasonText({ health, agent }: BackendInfo): string {
  if (agent?.isUp === false && agent.reason !== undefined) return visible(agent.reason)
  return visible(health?.status === 'down' ? (health.reason ?? '') : '')
}
