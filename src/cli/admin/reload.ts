import type { ReloadResult } from '../../index.ts'
import { visible } from '../../visible.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { problemsText } from '../problems.ts'
import { AdminClient } from './client.ts'
import { RefusedError } from './failures.ts'
import type { StatusReport } from './status-text.ts'
import { type AdminOptions, findAdmin } from './target.ts'

export async function reload(options: AdminOptions, io: Io): Promise<number> {
  const client = new AdminClient(await findAdmin(options, io))
  try {
    const result = await client.ask<ReloadResult>('POST', '/v1/reload', {})
    await io.stdout.line(options.json === true ? JSON.stringify(result, undefined, 2) : resultText(result))
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    if (error.code === 'LIMPET_ERR_NEEDS_RESTART') throw new CliError(error.message, EXIT.restart, { cause: error })
    if (!error.code.startsWith('LIMPET_ERR_CONFIG')) throw error
    return await refused(client, error, options, io)
  }
}

/** The file is not valid: everything that is wrong with it, as `check` tells it. */
async function refused(client: AdminClient, error: RefusedError, { json }: AdminOptions, io: Io): Promise<number> {
  const { config } = await client.get<StatusReport>('/v1/status')
  const file = config ?? 'the configuration'
  const { problems, message } = error
  if (json === true) await io.stderr.line(JSON.stringify({ valid: false, file, problems }))
  else if (problems.length === 0) throw new CliError(message, EXIT.config, { cause: error })
  else {
    const told = problems.map(({ path, message, accepted, ...rest }) => ({
      ...rest,
      path: visible(path),
      message: visible(message),
      ...(accepted === undefined ? {} : { accepted: visible(accepted) }),
    }))
    await io.stderr.write(`${problemsText(file, told, io.stderr)}`)
    await io.stderr.line('\nNothing was changed.')
  }
  return EXIT.config
}

const SIGNS = { added: '+', changed: '~', removed: '-' } as const

/** A process of an earlier version tells of backends only. */
function resultText({ generation, added, updated, removed, settings = [] }: ReloadResult): string {
  const changes = [
    ...settings.map(({ path, kind }) => `${SIGNS[kind]} ${visible(path)}`),
    ...added.map(({ pool, name }) => `+ ${visible(pool)} ${visible(name)}`),
    ...updated.map(({ pool, name }) => `~ ${visible(pool)} ${visible(name)}`),
    ...removed.map(({ pool, name }) => `- ${visible(pool)} ${visible(name)}`),
  ]
  if (changes.length === 0) return `nothing differs; generation ${generation}`
  const backends = `${added.length} added, ${updated.length} changed, ${removed.length} removed`
  const counts = settings.length === 0 ? backends : `settings: ${settings.length}; backends: ${backends}`
  return [`reloaded: ${counts}; generation ${generation}`, ...changes.map(line => `  ${line}`)].join('\n')
}
