import type { SessionInfo } from '../../index.ts'
import { visible } from '../../visible.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type Column, tableLines } from '../table.ts'
import { AdminClient } from './client.ts'
import { bytesText, counted, timeText } from './figures.ts'
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
  if (more) await io.stderr.line('there are more: --limit, --backend, --listener and --pool choose among them')
  return EXIT.ok
}

export async function closeSessions(ids: readonly string[], options: AdminOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  for (const id of ids) await client.ask('DELETE', `/v1/sessions/${encodeURIComponent(id)}`)
  const text = options.json === true ? JSON.stringify({ closed: ids }) : `closed: ${counted(ids.length, 'session')}`
  await io.stdout.line(text)
  return EXIT.ok
}

const COLUMNS: readonly Column[] = [
  { header: 'ID' },
  { header: 'CLIENT' },
  { header: 'BACKEND' },
  { header: 'REASON' },
  { header: 'AGE', toRight: true },
  { header: 'IDLE', toRight: true },
  { header: 'TO BACKEND', toRight: true },
  { header: 'TO CLIENT', toRight: true },
]

function rowOf(session: SessionInfo): string[] {
  const { id, clientAddress, clientPort, backend, reason, state, since, idleMs } = session
  const from = clientAddress?.includes(':') ? `[${clientAddress}]` : clientAddress
  return [
    visible(id),
    clientAddress === undefined ? 'unix' : visible(`${from}:${clientPort}`),
    state === 'connecting' ? `${visible(backend ?? '')} …` : visible(backend ?? ''),
    reason ?? '',
    timeText(Math.max(0, Date.now() - since)),
    timeText(idleMs),
    bytesText(session.bytesToBackend),
    bytesText(session.bytesToClient),
  ]
}
