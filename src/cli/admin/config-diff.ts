import { isAbsolute } from 'node:path'
import { describeConfig } from '../../config/describe.ts'
import { quote } from '../../config/text.ts'
import { visible } from '../../visible.ts'
import { UsageError } from '../cli-error.ts'
import { readConfig } from '../config-source.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { refuse } from '../problems.ts'
import { tableLines } from '../table.ts'
import { AdminClient } from './client.ts'
import { type Difference, differencesOf, type RunningConfig } from './differences.ts'
import type { NamedPool } from './pools.ts'
import type { StatusReport } from './status-text.ts'
import { type AdminOptions, findAdmin } from './target.ts'

export interface ConfigDiffOptions extends AdminOptions {
  exitCode?: boolean | undefined
}

/** Tells in what the file and the running process differ. */
export async function configDiff(options: ConfigDiffOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  const file = options.config ?? (await fileOf(client))
  const config = await readConfig(file, io, true).catch((error: unknown) => refuse(error, file, options.json, io))
  if (typeof config === 'number') return config
  const running = await client.get<RunningConfig>('/v1/config')
  const { pools } = await client.get<{ pools: NamedPool[] }>('/v1/pools')
  const differences = differencesOf(describeConfig(config), running, pools)
  if (options.json === true) await io.stdout.line(JSON.stringify({ file, differences }, undefined, 2))
  else await tell(file, differences, io)
  return differences.length > 0 && options.exitCode === true ? EXIT.failed : EXIT.ok
}

/** The file that the running process was started with, if it can be found from here. */
async function fileOf(client: AdminClient): Promise<string> {
  const { config } = await client.get<StatusReport>('/v1/status')
  if (config !== null && isAbsolute(config)) return config
  const what = config === null ? 'no file' : `the file ${quote(config)}, from where it was started`
  throw new UsageError(`the running process has ${what}; say which to compare: limpet config diff -c limpet.yaml`)
}

async function tell(file: string, differences: readonly Difference[], { stdout }: Io): Promise<void> {
  if (differences.length === 0) {
    await stdout.line(stdout.cut(`${visible(file)} is what runs`))
    return
  }
  const columns = [{ header: 'SETTING' }, { header: 'FILE' }, { header: 'RUNNING' }, { header: 'NEEDS' }]
  const rows = differences.map(({ path, inFile, running, needs }) => [
    visible(path),
    valueText(inFile),
    valueText(running),
    needs === 'reload' ? 'limpet reload' : 'a restart',
  ])
  const head = stdout.style('bold', stdout.cut(`${visible(file)} is not what runs`))
  await stdout.line([head, ...tableLines(columns, rows, stdout)].join('\n'))
}

function valueText(value: unknown): string {
  return value === undefined ? '-' : visible(typeof value === 'string' ? value : JSON.stringify(value))
}
