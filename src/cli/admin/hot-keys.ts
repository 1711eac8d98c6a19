import type { HotKey, LiveKeys } from '../../index.ts'
import { visible } from '../../visible.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type Column, tableLines } from '../table.ts'
import { AdminClient } from './client.ts'
import { counted, countText } from './figures.ts'
import { askPool, poolPath } from './pools.ts'
import { queryOf } from './query.ts'
import type { TableOptions } from './table.ts'
import { findAdmin } from './target.ts'

export interface HotKeysOptions extends TableOptions {
  top?: number | undefined
}

/** The keys with the most live sessions. */
export async function hotKeys(options: HotKeysOptions, io: Io): Promise<number> {
  const admin = new AdminClient(await findAdmin(options, io))
  const pool = await askPool(admin, options.pool)
  const told = await admin.get<LiveKeys>(`${poolPath(pool.name)}/keys${queryOf({ top: options.top })}`)
  if (options.json === true) {
    await io.stdout.line(JSON.stringify(told, undefined, 2))
    return EXIT.ok
  }
  const { keys, sessions, hottest } = told
  if (hottest.length > 0) await io.stdout.line(tableLines(COLUMNS, hottest.map(rowOf), io.stdout).join('\n'))
  await io.stdout.line(io.stdout.cut(`${counted(sessions, 'session')} of ${counted(keys, 'key')}`))
  return EXIT.ok
}

const COLUMNS: readonly Column[] = [
  { header: 'KEY' },
  { header: 'SESSIONS', toRight: true },
  { header: 'HOME' },
  { header: 'SPREAD', toRight: true },
  { header: 'ON' },
]

function rowOf({ key, sessions, home, backends, spread }: HotKey): string[] {
  const on = backends.map(({ name, sessions }) => `${visible(name)} ${countText(sessions)}`)
  return [
    visible(key),
    countText(sessions),
    home === null ? '-' : visible(home),
    spread === undefined ? '-' : String(spread),
    on.join(', '),
  ]
}
