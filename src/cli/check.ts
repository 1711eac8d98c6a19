import { type DescribedConfig, describeConfig } from '../config/describe.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import type { ConfigProblem } from '../errors.ts'
import { type ConfigOptions, configFile, readConfig, STDIN_NAME } from './config-source.ts'
import { digestsOf } from './digests.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'
import { problemsOf, problemsText } from './problems.ts'
import { settingsText } from './settings-text.ts'
import { type TableFileReport, tableFilesOf, tableFileWarnings } from './table-files.ts'

/** What `check --json` prints; what does not apply is absent. */
export interface CheckReport {
  valid: boolean
  file: string
  settings?: DescribedConfig
  /** By pool. */
  digests?: Record<string, string>
  /** By pool; of those whose stick table has a file. */
  tableFiles?: Record<string, TableFileReport>
  warnings: readonly string[]
  problems: readonly ConfigProblem[]
}

export async function check(options: ConfigOptions, io: Io): Promise<number> {
  const given = configFile('check', options)
  const file = given === '-' ? STDIN_NAME : given
  try {
    const config = await readConfig(given, io, true)
    if (options.json === true) await io.stdout.line(reportText(validReport(file, config)))
    else await tell(config, io)
    return EXIT.ok
  } catch (error) {
    const problems = problemsOf(error)
    if (problems === undefined) throw error
    if (options.json === true) await io.stdout.line(reportText({ valid: false, file, warnings: [], problems }))
    else await io.stderr.write(problemsText(file, problems, io.stderr))
    return EXIT.config
  }
}

async function tell(config: ResolvedConfig, io: Io): Promise<void> {
  const files = tableFilesOf(config)
  await io.stdout.write(settingsText(config, io.stdout, files))
  for (const warning of [...config.warnings, ...tableFileWarnings(files)])
    await io.stderr.line(`${io.stderr.style('yellow', 'warning:')} ${warning}`)
}

function validReport(file: string, config: ResolvedConfig): CheckReport {
  const digests = Object.fromEntries(digestsOf(config))
  const files = tableFilesOf(config)
  return {
    valid: true,
    file,
    settings: describeConfig(config),
    digests,
    ...(files.size === 0 ? {} : { tableFiles: Object.fromEntries(files) }),
    warnings: [...config.warnings, ...tableFileWarnings(files)],
    problems: [],
  }
}

function reportText(report: CheckReport): string {
  return JSON.stringify(report, undefined, 2)
}
