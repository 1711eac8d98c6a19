import { setTimeout as sleep } from 'node:timers/promises'
import type { ClosingInfo } from '../../index.ts'
import { visible } from '../../visible.ts'
import { UsageError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { tableLines } from '../table.ts'
import { AdminClient } from './client.ts'
import { closingText, whoseText } from './closing-text.ts'
import { countText, timeText } from './figures.ts'
import { closeSessions, type SessionsOptions, warnOfUnknown } from './sessions.ts'
import { type AdminOptions, findAdmin } from './target.ts'

/** Which sessions are closed, and how fast. */
export interface CloseOptions extends SessionsOptions {
  perSecond?: number | undefined
  deadline?: string | undefined
  wait?: boolean | undefined
}

const LOOK_MS = 500
const CLOSINGS = '/v1/closings'

/** `sessions close`: those of these ids, or all that have what is given at a pace. */
export async function close(ids: readonly string[], options: CloseOptions, io: Io): Promise<number> {
  const { pool, backend, listener, perSecond, deadline } = options
  const isFiltered = (pool ?? backend ?? listener) !== undefined
  const isPaced = perSecond !== undefined || deadline !== undefined || options.wait === false
  if (ids.length > 0 && (isFiltered || isPaced))
    throw new UsageError('give ids, or --backend, --pool and --listener to close at a pace, not both')
  if (ids.length > 0) return await closeSessions(ids, options, io)
  if (!isFiltered) throw new UsageError('say which: limpet sessions close ID..., or --backend, --pool, --listener')
  const client = new AdminClient(await findAdmin(options, io))
  const begun = await client.ask<ClosingInfo>('POST', CLOSINGS, { pool, backend, listener, perSecond, deadline })
  if (begun.total === 0) await warnOfUnknown(client, options, io)
  const last = options.wait === false ? begun : await follow(client, begun, options, io)
  await tell(last, options, io)
  return last.state === 'stopped' ? EXIT.failed : EXIT.ok
}

export async function listClosings(options: AdminOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  const { closings } = await client.get<{ closings: ClosingInfo[] }>(CLOSINGS)
  if (options.json === true) for (const closing of closings) await io.stdout.line(JSON.stringify(closing))
  else if (closings.length === 0) await io.stdout.line('no closings')
  else await io.stdout.line(tableLines(COLUMNS, closings.map(rowOf), io.stdout).join('\n'))
  return EXIT.ok
}

export async function stopClosing(id: string, options: AdminOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  await tell(await client.ask<ClosingInfo>('DELETE', `${CLOSINGS}/${encodeURIComponent(id)}`), options, io)
  return EXIT.ok
}

/** Until it is over; how far it is goes to standard error if that is a terminal. */
async function follow(client: AdminClient, begun: ClosingInfo, { json }: AdminOptions, io: Io): Promise<ClosingInfo> {
  let closing = begun
  while (closing.state === 'running') {
    if (json !== true && io.stderr.isTerminal) await io.stderr.line(io.stderr.cut(closingText(closing)))
    await sleep(LOOK_MS)
    closing = await client.get<ClosingInfo>(`${CLOSINGS}/${encodeURIComponent(begun.id)}`)
  }
  return closing
}

async function tell(closing: ClosingInfo, { json }: AdminOptions, { stdout }: Io): Promise<void> {
  await stdout.line(json === true ? JSON.stringify(closing) : stdout.cut(closingText(closing)))
}

const COLUMNS = [
  { header: 'ID' },
  { header: 'SESSIONS OF' },
  { header: 'CAUSE' },
  { header: 'STATE' },
  { header: 'CLOSED', toRight: true },
  { header: 'OF', toRight: true },
  { header: 'LEFT', toRight: true },
]

function rowOf(closing: ClosingInfo): string[] {
  const { id, cause, state, closed, total, remainingMs } = closing
  const left = state === 'running' ? timeText(remainingMs) : '-'
  return [visible(id), whoseText(closing), visible(cause), visible(state), countText(closed), countText(total), left]
}
