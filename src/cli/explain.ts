import type { ResolvedConfig, ResolvedPool } from '../config/resolved.ts'
import { visible } from '../visible.ts'
import { explainRunning } from './admin/explain.ts'
import { choose } from './admin/pools.ts'
import { UsageError } from './cli-error.ts'
import { type ConfigOptions, configFile, readConfig } from './config-source.ts'
import { EXIT } from './exit-codes.ts'
import { explainAddresses } from './explain-addresses.ts'
import { explainStream } from './explain-stream.ts'
import type { Io } from './io.ts'
import { OfflinePool } from './offline-pool.ts'
import { refuse } from './problems.ts'

export interface ExplainOptions extends ConfigOptions {
  admin?: string | undefined
  pool?: string | undefined
  /** They are keys, not addresses. */
  key?: boolean | undefined
}

export async function explain(addresses: readonly string[], options: ExplainOptions, io: Io): Promise<number> {
  if (options.key === true && addresses.includes('')) throw new UsageError('a key has one character at least')
  if (options.config === undefined) return await explainRunning(addresses, options, io)
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
    const malformed = isStream
      ? await explainStream(pool, json, io)
      : await explainAddresses(pool, addresses, options, io)
    return malformed === 0 ? EXIT.ok : EXIT.data
  } finally {
    await pool.close()
  }
}

function fileFor(addresses: readonly string[], options: ExplainOptions): string {
  const file = configFile('explain', options)
  if (options.admin !== undefined)
    throw new UsageError('give the file (-c) or the running process (--admin) to explain by, not both')
  if (addresses.length === 0)
    throw new UsageError(`an address is missing: limpet explain -c ${visible(file)} 192.0.2.7`)
  if (options.key === true && addresses.includes('-')) throw new UsageError('standard input has addresses, not keys')
  if (addresses.length > 1 && addresses.includes('-'))
    throw new UsageError('"-" reads every address from standard input: give it alone')
  if (file === '-' && addresses[0] === '-') {
    throw new UsageError('standard input can be the configuration or the addresses, not both')
  }
  return file
}

export function choosePool({ pools }: ResolvedConfig, name: string | undefined): ResolvedPool {
  return choose([...pools.values()], name)
}
