import type { SessionClosed } from '../../index.ts'
import { visible } from '../../visible.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { AdminClient } from './client.ts'
import { bytesText, counted } from './figures.ts'
import { queryOf } from './query.ts'
import { type ServerEvent, serverEvents } from './server-events.ts'
import { type AdminOptions, findAdmin } from './target.ts'

/** Which sessions are told. */
export interface LogOptions extends AdminOptions {
  pool?: string | undefined
  backend?: string | undefined
  listener?: string | undefined
  share?: number | undefined
}

/** Follows sessions that end, until whoever listens has gone or the process ends. */
export async function log(options: LogOptions, io: Io): Promise<number> {
  const { pool, backend, listener, share } = options
  const target = await findAdmin(options, io)
  const client = new AdminClient(target)
  const path = `/v1/log${queryOf({ pool, backend, listener, share })}`
  for await (const { event, data } of serverEvents(client.follow(path))) {
    if (event === 'session') await tell(data as SessionClosed, options, io)
    else if (event === 'leftOut') await io.stderr.line(leftOutText(data))
  }
  throw new CliError(`${target.text} has ended the log: limpet was stopped`, EXIT.unavailable)
}

async function tell(session: SessionClosed, { json }: LogOptions, { stdout }: Io): Promise<void> {
  await stdout.line(json === true ? JSON.stringify(session) : stdout.cut(lineOf(session)))
}

function lineOf(session: SessionClosed): string {
  const { time, clientAddress, clientPort, backend, reason, cause } = session
  const { bytesToBackend, bytesToClient, connectMs, durationMs } = session
  const from = clientAddress?.includes(':') ? `[${clientAddress}]` : clientAddress
  return [
    new Date(time).toISOString(),
    from === undefined ? 'unix' : visible(`${from}:${clientPort}`),
    backend === undefined ? '-' : `${visible(backend)} (${reason})`,
    cause,
    `${bytesText(bytesToBackend)} to backend, ${bytesText(bytesToClient)} to client`,
    `${(durationMs / 1000).toFixed(3)} s, connect ${connectMs} ms`,
  ].join('  ')
}

function leftOutText(data: ServerEvent['data']): string {
  const { sessions = 0 } = (data ?? {}) as { sessions?: number }
  return `${counted(sessions, 'session')} left out: this was read too slowly; --share or --backend choose fewer`
}
