import type { RosterChangeEntry } from '../../index.ts'
import { visible } from '../../visible.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type Column, tableLines } from '../table.ts'
import { actor } from './actor.ts'
import { AdminClient } from './client.ts'
import { askPool, poolPath } from './pools.ts'
import { type AdminOptions, findAdmin } from './target.ts'

/** How a change of backends is made, where they are those of several balancers. */
export interface RosterFlags {
  local?: boolean | undefined
  ifVersion?: number | undefined
}

interface ForgetOptions extends AdminOptions, Pick<RosterFlags, 'ifVersion'> {
  pool?: string | undefined
}

interface ChangesOptions extends AdminOptions {
  pool?: string | undefined
  limit?: number | undefined
}

const COLUMNS: Column[] = [
  { header: 'VERSION', toRight: true },
  { header: 'WHEN' },
  { header: 'WHO' },
  { header: 'WHAT' },
]

/** What a request for a change says of it besides its body. */
export function changeHeaders({ ifVersion }: RosterFlags): Record<string, string> {
  return { 'limpet-actor': actor(), ...(ifVersion === undefined ? {} : { 'if-match': `"${ifVersion}"` }) }
}

/** Behind the path of a change. */
export function changeQuery({ local }: RosterFlags): string {
  return local === true ? '?local=true' : ''
}

export async function forget(options: ForgetOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  const pool = await askPool(client, options.pool)
  const path = `${poolPath(pool.name)}/roster`
  const done = await client.ask<{ version: number }>('DELETE', path, undefined, changeHeaders(options))
  const text = `the backends of the pool ${visible(pool.name)} are those of the configuration again; version ${done.version}`
  await io.stdout.line(options.json === true ? JSON.stringify(done, undefined, 2) : io.stdout.cut(text))
  return EXIT.ok
}

export async function listChanges(options: ChangesOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  const pool = await askPool(client, options.pool)
  const query = options.limit === undefined ? '' : `?limit=${options.limit}`
  const { changes } = await client.get<{ changes: RosterChangeEntry[] }>(
    `${poolPath(pool.name)}/roster/changes${query}`,
  )
  if (options.json === true) for (const change of changes) await io.stdout.line(JSON.stringify(change))
  else if (changes.length === 0) await io.stdout.line('nobody has changed anything')
  else await io.stdout.line(tableLines(COLUMNS, changes.map(rowOf), io.stdout).join('\n'))
  return EXIT.ok
}

function rowOf({ version, at, by, actor: who, what }: RosterChangeEntry): string[] {
  const person = who === undefined ? '' : `${visible(who)} at `
  return [String(version), new Date(at).toISOString(), `${person}${visible(by)}`, visible(what)]
}
