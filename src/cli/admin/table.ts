import { createReadStream } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import type { ImportResult, PinInfo, SavedCounts } from '../../index.ts'
import { exportLines, importLines } from '../../pool/table-lines.ts'
import { visible } from '../../visible.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type Column, tableLines } from '../table.ts'
import { AdminClient } from './client.ts'
import { RefusedError } from './failures.ts'
import { counted, timeText } from './figures.ts'
import { askPool, type NamedPool, naming, poolPath } from './pools.ts'
import { queryOf } from './query.ts'
import { type AdminOptions, findAdmin } from './target.ts'

export interface TableOptions extends AdminOptions {
  pool?: string | undefined
}

/** Which pins, and how many of them. */
export interface TableListOptions extends TableOptions {
  backend?: string | undefined
  away?: boolean | undefined
  limit?: number | undefined
}

interface Page {
  keyDigest: string
  pins: PinInfo[]
  next?: number
}

const USUAL = 1000
/** Of a line that may still be something. */
const MOST_CHARACTERS = 64 * 1024
/** Pins of one question, for all of them. */
const AT_ONCE = 10_000

export async function listPins(options: TableListOptions, io: Io): Promise<number> {
  const { backend, away, limit = USUAL } = options
  const { remote, pool } = await subjectOf(options, io)
  const names = backend === undefined ? [] : [backend]
  const { pins, next } = await naming(pool, names, () =>
    remote.page({ backend, away: away === true ? 'true' : undefined, limit }),
  )
  if (options.json === true) for (const pin of pins) await io.stdout.line(JSON.stringify(pin))
  else if (pins.length === 0) await io.stdout.line('no pins')
  else await io.stdout.line(tableLines(COLUMNS, pins.map(rowOf), io.stdout).join('\n'))
  if (next !== undefined) await io.stderr.line('there may be more: --limit, --backend and --away choose among them')
  return EXIT.ok
}

export async function showPin(client: string, options: TableOptions, io: Io): Promise<number> {
  const { remote } = await subjectOf(options, io)
  await tellPin(await remote.pin('GET', client), options, io)
  return EXIT.ok
}

export async function setPin(
  client: string,
  backend: string,
  options: TableOptions & { ttl?: string | undefined },
  io: Io,
): Promise<number> {
  const { remote, pool } = await subjectOf(options, io)
  const { ttl } = options
  const body = { client, backend, ...(ttl === undefined ? {} : { ttl }) }
  const pin = await naming(pool, [backend], () => remote.admin.ask<PinInfo>('PUT', `${remote.path}/pin`, body))
  await tellPin(pin, options, io)
  return EXIT.ok
}

export async function deletePins(clients: readonly string[], options: TableOptions, io: Io): Promise<number> {
  const { remote } = await subjectOf(options, io)
  for (const client of clients) await remote.pin('DELETE', client)
  const text = `forgotten: ${counted(clients.length, 'pin')}; the next session of each client goes home`
  await io.stdout.line(options.json === true ? JSON.stringify({ deleted: clients }) : io.stdout.cut(text))
  return EXIT.ok
}

export async function clearPins(
  options: TableOptions & { backend?: string | undefined; yes?: boolean | undefined },
  io: Io,
): Promise<number> {
  const { backend, yes } = options
  if (yes !== true && backend === undefined) {
    throw new UsageError('this forgets where every client is: say --yes, or --backend NAME for the pins to one backend')
  }
  const { remote, pool } = await subjectOf(options, io)
  const names = backend === undefined ? [] : [backend]
  const { cleared } = await naming(pool, names, () =>
    remote.admin.ask<{ cleared: number }>('DELETE', `${remote.path}${queryOf({ backend })}`),
  )
  const text = `forgotten: ${counted(cleared, 'pin')}; the next session of each client goes home`
  await io.stdout.line(options.json === true ? JSON.stringify({ cleared }) : io.stdout.cut(text))
  return EXIT.ok
}

export async function exportPins(options: TableOptions, io: Io): Promise<number> {
  const { remote, pool } = await subjectOf(options, io)
  const first = await remote.page({ limit: AT_ONCE })
  const table = { keyDigest: first.keyDigest, list: () => remote.all(first) }
  for await (const line of exportLines(pool.name, table)) await io.stdout.line(line)
  return EXIT.ok
}

export async function importPins(file: string, options: TableOptions, io: Io): Promise<number> {
  const { remote } = await subjectOf(options, io)
  const { keyDigest } = await remote.page({ limit: 1 })
  const input = file === '-' ? io.stdin : createReadStream(file)
  const result = await importLines(linesOf(input), keyDigest, pins =>
    remote.admin.ask<SavedCounts>('POST', `${remote.path}/import`, { keyDigest, pins }),
  ).catch(error => {
    throw importFailure(file, error as NodeJS.ErrnoException)
  })
  if (options.json === true) await io.stdout.line(JSON.stringify(result, undefined, 2))
  else await tellImport(result, io)
  return result.malformed + result.badKey === 0 ? EXIT.ok : EXIT.data
}

async function tellImport(result: ImportResult, io: Io): Promise<void> {
  const { stored, expired, full, unknownBackend, badKey, malformed, problems } = result
  for (const { line, message } of problems) {
    await io.stderr.line(`${io.stderr.style('red', 'limpet:')} line ${line}: ${message}`)
  }
  const parts = [
    [expired, 'were expired'],
    [full, 'found the table full'],
    [unknownBackend, 'are of backends that are not in the pool'],
    [badKey, 'have keys that are none of this pool'],
    [malformed, 'were no pins'],
  ] as const
  const others = parts.filter(([count]) => count > 0).map(([count, what]) => `${count.toLocaleString('en')} ${what}`)
  await io.stdout.line([`set: ${counted(stored, 'pin')}`, ...others].join('; '))
}

/** The table of one pool of a running process. */
class RemoteTable {
  readonly admin: AdminClient
  readonly path: string

  constructor(admin: AdminClient, pool: NamedPool) {
    this.admin = admin
    this.path = `${poolPath(pool.name)}/table`
  }

  async page(query: Record<string, string | number | undefined>): Promise<Page> {
    return await this.admin.get<Page>(`${this.path}${queryOf(query)}`)
  }

  /** That page and all behind it. */
  async *all(first: Page): AsyncGenerator<PinInfo> {
    for (let { pins, next } = first; ; { pins, next } = await this.page({ from: next, limit: AT_ONCE })) {
      yield* pins
      if (next === undefined) return
    }
  }

  async pin(method: 'GET' | 'DELETE', client: string): Promise<PinInfo> {
    return await this.admin.ask<PinInfo>(method, `${this.path}/pin${queryOf({ client })}`)
  }
}

async function subjectOf(options: TableOptions, io: Io): Promise<{ remote: RemoteTable; pool: NamedPool }> {
  const admin = new AdminClient(await findAdmin(options, io))
  const pool = await askPool(admin, options.pool)
  return { remote: new RemoteTable(admin, pool), pool }
}

/** What goes wrong with the input is thrown; a line that is far too long is cut, and so is no pin. */
async function* linesOf(input: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new StringDecoder()
  let rest = ''
  for await (const chunk of input) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n')
    rest = (lines.pop() ?? '').slice(0, MOST_CHARACTERS)
    yield* lines
  }
  yield rest + decoder.end()
}

function importFailure(file: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof RefusedError || error instanceof CliError) return error
  if (error.code === 'LIMPET_ERR_TABLE_IMPORT') return new CliError(`${visible(file)}: ${error.message}`, EXIT.data)
  if (error.syscall !== undefined) return new CliError(`${visible(file)} cannot be read: ${error.code}`, EXIT.failed)
  return error
}

async function tellPin(pin: PinInfo, { json }: TableOptions, io: Io): Promise<void> {
  const { key, backend, isAway, sessions, expiresInMs = 0 } = pin
  const until = sessions > 0 ? `kept by ${counted(sessions, 'session')}` : `for ${timeText(expiresInMs)}`
  const text = `${visible(key)} is pinned to ${visible(backend)}, ${isAway ? 'not its home' : 'its home'}, ${until}`
  await io.stdout.line(json === true ? JSON.stringify(pin, undefined, 2) : io.stdout.cut(text))
}

const COLUMNS: readonly Column[] = [
  { header: 'KEY' },
  { header: 'BACKEND' },
  { header: 'HOME' },
  { header: 'SESSIONS', toRight: true },
  { header: 'IDLE', toRight: true },
  { header: 'EXPIRES', toRight: true },
]

function rowOf({ key, backend, isAway, isProvisional, sessions, idleMs, expiresInMs }: PinInfo): string[] {
  return [
    visible(key),
    visible(backend),
    isProvisional ? 'connecting' : isAway ? 'away' : 'yes',
    String(sessions),
    timeText(idleMs),
    expiresInMs === undefined ? '' : timeText(expiresInMs),
  ]
}
