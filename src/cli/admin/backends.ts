import type { BackendChanges, BackendInfo, BackendState } from '../../index.ts'
import { visible } from '../../visible.ts'
import { UsageError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { backendLines } from './backend-table.ts'
import { AdminClient } from './client.ts'
import { counted } from './figures.ts'
import { askPool, backendPath, type NamedPool, naming, poolPath } from './pools.ts'
import { changeHeaders, changeQuery, type RosterFlags } from './roster.ts'
import { type AdminOptions, findAdmin } from './target.ts'

export interface BackendsOptions extends AdminOptions {
  pool?: string | undefined
}

/** Of a command that changes something. */
export interface ChangeOptions extends BackendsOptions, RosterFlags {}

/** Settings of a backend, as they are typed. */
export interface SettingsOptions extends ChangeOptions {
  address?: string | undefined
  weight?: number | undefined
  maxSessions?: number | undefined
  backup?: boolean | undefined
}

/** The pool that a command is about, and who can be asked about it. */
interface Subject {
  client: AdminClient
  pool: NamedPool
}

export async function listBackends(options: BackendsOptions, io: Io): Promise<number> {
  const { pool } = await subjectOf(options, io)
  if (options.json === true) await io.stdout.line(JSON.stringify(pool.backends, undefined, 2))
  else await io.stdout.line(backendLines(pool, undefined, io.stdout).join('\n'))
  return EXIT.ok
}

export async function addBackend(name: string, options: SettingsOptions, io: Io): Promise<number> {
  const settings = settingsOf(options)
  if (settings.address === undefined) {
    throw new UsageError(`an address is needed: limpet backends add ${visible(name)} --address 10.0.0.7:6379`)
  }
  const { client, pool } = await subjectOf(options, io)
  const path = `${poolPath(pool.name)}/backends${changeQuery(options)}`
  const added = await client.ask<BackendInfo>('POST', path, { name, ...settings }, changeHeaders(options))
  return await tell(
    options,
    added,
    `${visible(added.name)} was added to the pool ${visible(pool.name)}: ${settingsText(added)}`,
    io,
  )
}

export async function removeBackend(name: string, options: ChangeOptions, io: Io): Promise<number> {
  const { client, pool } = await subjectOf(options, io)
  const path = `${backendPath(pool.name, name)}${changeQuery(options)}`
  await naming(pool, [name], () => client.ask('DELETE', path, undefined, changeHeaders(options)))
  const sessions = pool.backends.find(backend => backend.name === name)?.sessions ?? 0
  const text = `${visible(name)} was removed from the pool ${visible(pool.name)}${goOn(sessions)}`
  return await tell(options, { removed: name, pool: pool.name, sessions }, text, io)
}

export async function setBackend(name: string, options: SettingsOptions, io: Io): Promise<number> {
  const settings = settingsOf(options)
  if (Object.keys(settings).length === 0) {
    throw new UsageError(`nothing is to be set: limpet backends set ${visible(name)} --weight 2`)
  }
  return await change(name, settings, options, io, after => settingsText(after))
}

/** `drain`, `ready` and `maint`. */
export async function changeState(name: string, state: BackendState, options: ChangeOptions, io: Io): Promise<number> {
  return await change(name, { state }, options, io, ({ sessions, state: now }) => {
    const going = now === 'ready' ? '' : goOn(sessions)
    return `${visible(now)}${going}`
  })
}

async function change(
  name: string,
  changes: BackendChanges,
  options: ChangeOptions,
  io: Io,
  textOf: (after: BackendInfo) => string,
): Promise<number> {
  const { client, pool } = await subjectOf(options, io)
  const path = `${backendPath(pool.name, name)}${changeQuery(options)}`
  const after = await naming(pool, [name], () =>
    client.ask<BackendInfo>('PATCH', path, changes, changeHeaders(options)),
  )
  return await tell(options, after, `${visible(name)} of the pool ${visible(pool.name)} is now ${textOf(after)}`, io)
}

async function subjectOf(options: BackendsOptions, io: Io): Promise<Subject> {
  const client = new AdminClient(await findAdmin(options, io))
  return { client, pool: await askPool(client, options.pool) }
}

function settingsOf({ address, weight, maxSessions, backup }: SettingsOptions): Omit<BackendChanges, 'state'> {
  return {
    ...(address === undefined ? {} : { address }),
    ...(weight === undefined ? {} : { weight }),
    ...(maxSessions === undefined ? {} : { maxSessions }),
    ...(backup === undefined ? {} : { backup }),
  }
}

function settingsText({ address, weight, maxSessions, backup }: BackendInfo): string {
  const most = maxSessions === 0 ? 'no limit of its own' : `at most ${counted(maxSessions, 'session')}`
  return `${visible(address)}, weight ${weight}, ${most}${backup ? ', a backup' : ''}`
}

function goOn(sessions: number): string {
  return sessions === 0 ? '' : `; ${counted(sessions, 'session')} of it ${sessions === 1 ? 'goes' : 'go'} on`
}

async function tell({ json }: BackendsOptions, object: object, text: string, io: Io): Promise<number> {
  await io.stdout.line(json === true ? JSON.stringify(object, undefined, 2) : io.stdout.cut(text))
  return EXIT.ok
}
