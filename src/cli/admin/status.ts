import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { AdminClient } from './client.ts'
import { choose } from './pools.ts'
import { type StatusReport, statusLines } from './status-text.ts'
import { type AdminOptions, findAdmin } from './target.ts'

export interface StatusOptions extends AdminOptions {
  pool?: string | undefined
}

export async function status(options: StatusOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  const report = await askStatus(client, options.pool)
  if (options.json === true) await io.stdout.line(JSON.stringify(report, undefined, 2))
  else await io.stdout.line(statusLines(report, undefined, io.stdout).join('\n'))
  return EXIT.ok
}

/** `/v1/status`, with only one of the pools if one is named. */
export async function askStatus(client: AdminClient, pool: string | undefined): Promise<StatusReport> {
  const report = await client.get<StatusReport>('/v1/status')
  if (pool === undefined) return report
  const pools = Object.entries(report.stats.pools).map(([name, stats]) => ({ name, stats }))
  const { name, stats } = choose(pools, pool)
  return { ...report, stats: { ...report.stats, pools: { [name]: stats } } }
}
