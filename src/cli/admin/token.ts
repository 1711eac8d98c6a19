import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isMapping } from '../../config/mapping.ts'
import { visible } from '../../visible.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'

/** What a command shows to be let in. */
export interface Token {
  /** Undefined: none. */
  value: string | undefined
  /** Where it is from, or would be, for messages. */
  from: string
}

const VARIABLE = 'LIMPET_ADMIN_TOKEN'

export function tokenOfEnvironment(env: NodeJS.ProcessEnv): Token {
  return { value: env[VARIABLE] || undefined, from: VARIABLE }
}

/** The token that `admin.token` is, or names; undefined: it is none. */
export function tokenOfConfig(setting: unknown, directory: string, env: NodeJS.ProcessEnv): Token | undefined {
  if (typeof setting === 'string' && setting !== '') return { value: setting, from: 'admin.token' }
  if (!isMapping(setting)) return undefined
  // Whoever may not read the file or has not set the variable may still have the token itself.
  const own = tokenOfEnvironment(env)
  if (typeof setting.env === 'string') {
    const value = env[setting.env] || own.value
    return { value, from: `${visible(setting.env)} (admin.token)` }
  }
  if (typeof setting.file !== 'string') return undefined
  return own.value === undefined ? fromFile(resolve(directory, setting.file)) : own
}

function fromFile(path: string): Token {
  try {
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    return { value, from: visible(path) }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const advice = code === 'EACCES' ? `run as a user who may read it, or set ${VARIABLE}` : `set ${VARIABLE}`
    const message = `the token file ${visible(path)} cannot be read (${code}): ${advice}`
    throw new CliError(message, code === 'EACCES' ? EXIT.noPermission : EXIT.config, { cause })
  }
}
