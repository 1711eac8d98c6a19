import { quote } from '../../config/text.ts'
import type { SessionInfo } from '../../index.ts'
import { visible } from '../../visible.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type Column, tableLines } from '../table.ts'
import { AdminClient } from './client.ts'
import { RefusedError } from './failures.ts'
import { bytesText, counted, timeText } from './figures.ts'
import { meantText, type NamedPool } from './pools.ts'
import { queryOf } from './query.ts'
import { type AdminOptions, findAdmin } from './target.ts'

/** Which sessions, and how many of them. */
export interface SessionsOptions extends AdminOptions {
  pool?: string | undefined
  backend?: string | undefined
  listener?: string | undefined
  limit?: number | undefined
}

interface Answer {
  sessions: SessionInfo[]
  more: boolean
}

export async function listSessions(options: SessionsOptions, io: Io): Promise<number> {
  const { pool, backend, listener, limit } = options
  const client = new AdminClient(await findAdmin(options, io))
  const { sessions, more } = await client.get<Answer>(`/v1/sessions${queryOf({ pool, backend, listener, limit })}`)
  if (options.json === true) {
    for (const session of sessions) await io.stdout.line(JSON.stringify(session))
  } else if (sessions.length === 0) await io.stdout.line('no sessions')
  else await io.stdout.line(tableLines(COLUMNS, sessions.map(rowOf), io.stdout).join('\n'))
  if (sessions.length === 0) await warnOfUnknown(client, options, io)
  if (more) await io.stderr.line('there are more: --limit, --backend, --listener and --pool choose among them')
  return EXIT.ok
}

/** Closes each by itself. */
export async function closeSessions(ids: readonly string[], options: AdminOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  const closed: string[] = []
  const unknown: string[] = []
  for (const id of ids) ((await closeOne(client, id)) ? closed : unknown).push(id)
  if (options.json === true) await io.stdout.line(JSON.stringify({ closed, unknown }))
  else await io.stdout.line(`closed: ${counted(closed.length, 'session')}${goneText(unknown)}`)
  return unknown.length === 0 ? EXIT.ok : EXIT.failed
}

/** False: there is none; it may have ended since it was listed, and the others are to be closed all the same. */
async function closeOne(client: AdminClient, id: string): Promise<boolean> {
  try {
    await client.ask('DELETE', `/v1/sessions/${encodeURIComponent(id)}`)
    return true
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'LIMPET_ERR_UNKNOWN_SESSION') return false
    throw error
  }
}

function goneText(unknown: readonly string[]): string {
  if (unknown.length === 0) return ''
  return `; not there, or not any more: ${unknown.map(id => visible(id)).join(', ')}`
}

/** That a backend has no sessions should not be believed of one that has never been there. */
export async function warnOfUnknown(client: AdminClient, { pool, backend }: SessionsOptions, io: Io): Promise<void> {
  if (backend === undefined) return
  const { pools } = await client.get<{ pools: NamedPool[] }>('/v1/pools')
  const backends = pools.filter(({ name }) => pool === undefined || name === pool).flatMap(one => one.backends)
  if (backends.some(({ name }) => name === backend)) return
  await io.stderr.line(`there is no backend ${quote(backend)} now${meantText(backends, [backend])}`)
}

const COLUMNS: readonly Column[] = [
  { header: 'ID' },
  { header: 'CLIENT' },
  { header: 'POOL' },
  { header: 'BACKEND' },
  { header: 'REASON' },
  { header: 'AGE', toRight: true },
  { header: 'IDLE', toRight: true },
  { header: 'TO BACKEND', toRight: true },
  { header: 'TO CLIENT', toRight: true },
]

function rowOf(session: SessionInfo): string[] {
  const { id, clientAddress, clientPort, pool, backend, reason, state, since, idleMs } = session
  const from = clientAddress?.includes(':') ? `[${clientAddress}]` : clientAddress
  return [
    visible(id),
    clientAddress === undefined ? 'unix' : visible(`${from}:${clientPort}`),
    visible(pool),
    state === 'connecting' ? `${visible(backend ?? '')} …` : visible(backend ?? ''),
    reason ?? '',
    timeText(Math.max(0, Date.now() - since)),
    timeText(idleMs),
    bytesText(session.bytesToBackend),
    bytesText(session.bytesToClient),
  ]
}
