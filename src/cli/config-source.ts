import { loadConfig, loadConfigText } from '../config/load.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { MOST_CONFIG_BYTES } from '../config/yaml.ts'
import { LimpetConfigError } from '../errors.ts'
import { UsageError } from './cli-error.ts'
import type { Io } from './io.ts'

/** How standard input is called in messages. */
export const STDIN_NAME = '<stdin>'

/** Options of every command that reads a configuration. */
export interface ConfigOptions {
  config?: string | undefined
  json?: boolean | undefined
}

/** The file of `-c`, which every command that needs it must be given. */
export function configFile(command: string, { config }: ConfigOptions): string {
  if (config !== undefined && config !== '') return config
  throw new UsageError(`a configuration is needed: limpet ${command} -c limpet.yaml`)
}

/**
 * Reads the configuration from a file, or from standard input for `-`.
 *
 * @throws {@link LimpetConfigError}, or {@link LimpetError} `LIMPET_ERR_CONFIG_READ`
 */
export async function readConfig(file: string, io: Io, requireListeners: boolean): Promise<ResolvedConfig> {
  const context = { env: io.env, requireListeners }
  if (file !== '-') return await loadConfig(file, context)
  const text = await readText(io.stdin)
  return await loadConfigText(text, { ...context, file: STDIN_NAME, directory: process.cwd() })
}

/** A little more than may be read, which is then refused as too large. */
async function readText(input: Io['stdin']): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as Buffer)
    chunks.push(bytes)
    length += bytes.length
    if (length > MOST_CONFIG_BYTES) break
  }
  try {
    // `stream`: where the text was cut, a sequence may be incomplete.
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks), {
      stream: length > MOST_CONFIG_BYTES,
    })
  } catch (cause) {
    const problem = {
      file: STDIN_NAME,
      path: '',
      message: 'the text is not UTF-8',
      accepted: 'UTF-8',
      code: 'LIMPET_ERR_CONFIG',
    } as const
    throw new LimpetConfigError([problem], { path: STDIN_NAME, cause })
  }
}
