import type { ResolvedConfig, ResolvedPool } from '../config/resolved.ts'
import { nearestName, quote } from '../config/text.ts'
import { visible } from '../visible.ts'
import { UsageError } from './cli-error.ts'
import { type ConfigOptions, configFile, readConfig } from './config-source.ts'
import { EXIT } from './exit-codes.ts'
import { explainAddresses } from './explain-addresses.ts'
import { explainStream } from './explain-stream.ts'
import type { Io } from './io.ts'
import { OfflinePool } from './offline-pool.ts'
import { refuse } from './problems.ts'

export interface ExplainOptions extends ConfigOptions {
  pool?: string | undefined
}

export async function explain(addresses: readonly string[], options: ExplainOptions, io: Io): Promise<number> {
  const file = fileFor(addresses, options)
  let config: ResolvedConfig
  try {
    config = await readConfig(file, io, false)
  } catch (error) {
    return await refuse(error, file, options.json, io)
  }
  const pool = await OfflinePool.open(config, choosePool(config, options.pool))
  try {
    const json = options.json === true
    const isStream = addresses[0] === '-'
    const malformed = isStream ? await explainStream(pool, json, io) : await explainAddresses(pool, addresses, json, io)
    return malformed === 0 ? EXIT.ok : EXIT.data
  } finally {
    await pool.close()
  }
}

function fileFor(addresses: readonly string[], options: ExplainOptions): string {
  if (options.config === undefined) {
    throw new UsageError(
      'explain cannot ask a running process in this version; give its configuration: limpet explain -c limpet.yaml ADDRESS…',
    )
  }
  const file = configFile('explain', options)
  if (addresses.length === 0)
    throw new UsageError(`an address is missing: limpet explain -c ${visible(file)} 192.0.2.7`)
  if (addresses.length > 1 && addresses.includes('-'))
    throw new UsageError('"-" reads every address from standard input: give it alone')
  if (file === '-' && addresses[0] === '-') {
    throw new UsageError('standard input can be the configuration or the addresses, not both')
  }
  return file
}

function choosePool({ pools }: ResolvedConfig, name: string | undefined): ResolvedPool {
  const [first, second] = pools.values()
  const known = [...pools.keys()].join(', ')
  if (name === undefined) {
    if (first !== undefined && second === undefined) return first
    throw new UsageError(`there are ${pools.size} pools: choose one with --pool (${known})`)
  }
  const pool = pools.get(name)
  if (pool !== undefined) return pool
  const nearest = nearestName(name, pools.keys())
  const meant = nearest === undefined ? `there is ${known}` : `did you mean ${nearest}?`
  throw new UsageError(`there is no pool ${quote(name)}; ${meant}`)
}
