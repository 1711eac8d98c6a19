import { LimpetError } from '../../errors.ts'
import type { BackendOptions, Plan, PlanChange } from '../../index.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { readConfig } from '../config-source.ts'
import { EXIT } from '../exit-codes.ts'
import { choosePool } from '../explain.ts'
import type { Io } from '../io.ts'
import { OfflinePool } from '../offline-pool.ts'
import { refuse } from '../problems.ts'
import { AdminClient } from './client.ts'
import type { TypedWeight } from './plan-options.ts'
import { planText } from './plan-text.ts'
import { askPool, meantText, naming, poolPath } from './pools.ts'
import { type AdminOptions, findAdmin } from './target.ts'

export interface PlanOptions extends AdminOptions {
  pool?: string | undefined
  add?: BackendOptions[] | undefined
  remove?: string[] | undefined
  weight?: TypedWeight[] | undefined
}

export async function plan(options: PlanOptions, io: Io): Promise<number> {
  const { add = [], remove = [], weight = [], config, admin } = options
  if (add.length + remove.length + weight.length === 0) {
    throw new UsageError('nothing is to be changed: limpet plan --remove b3, --weight b1=2 or --add b4=10.0.0.4:6379')
  }
  if (config !== undefined && admin !== undefined) {
    throw new UsageError('give the file (-c) or the running process (--admin) to plan with, not both')
  }
  const change = { add, remove, update: Object.fromEntries(weight.map(({ name, weight }) => [name, { weight }])) }
  return config === undefined ? await askRunning(change, options, io) : await planOffline(config, change, options, io)
}

async function askRunning(change: PlanChange, options: PlanOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  const pool = await askPool(client, options.pool)
  const found = await naming(pool, namesOf(change), () =>
    client.ask<Plan>('POST', `${poolPath(pool.name)}/plan`, change),
  )
  return await tell(pool.name, found, true, options, io)
}

/** Names that must be there. */
function namesOf({ remove = [], update = {} }: PlanChange): string[] {
  return [...remove, ...Object.keys(update)]
}

async function planOffline(file: string, change: PlanChange, options: PlanOptions, io: Io): Promise<number> {
  const config = await readConfig(file, io, false).catch((error: unknown) => refuse(error, file, options.json, io))
  if (typeof config === 'number') return config
  const pool = await OfflinePool.open(config, choosePool(config, options.pool))
  try {
    return await tell(pool.settings.name, planned(pool, change, namesOf(change)), false, options, io)
  } finally {
    await pool.close()
  }
}

function planned(pool: OfflinePool, change: PlanChange, names: readonly string[]): Plan {
  try {
    return pool.plan(change)
  } catch (error) {
    if (!(error instanceof LimpetError)) throw error
    // About what was typed, not about the file.
    const hint = error.code === 'LIMPET_ERR_UNKNOWN_BACKEND' ? meantText(pool.settings.backends, names) : ''
    throw new CliError(`${error.message}${hint}`, EXIT.failed, { cause: error })
  }
}

async function tell(pool: string, found: Plan, isRunning: boolean, { json }: PlanOptions, io: Io): Promise<number> {
  if (json === true) await io.stdout.line(JSON.stringify({ pool, ...found }, undefined, 2))
  else await io.stdout.write(planText(pool, found, isRunning, io.stdout))
  return EXIT.ok
}
