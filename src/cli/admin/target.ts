import { dirname, resolve } from 'node:path'
import { DEFAULT_ADMIN_LISTEN, readBindAddress } from '../../config/address.ts'
import { readConfigText } from '../../config/load.ts'
import { isMapping } from '../../config/mapping.ts'
import { quote } from '../../config/text.ts'
import { readYaml } from '../../config/yaml.ts'
import { LimpetError } from '../../errors.ts'
import { visible } from '../../visible.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type Token, tokenOfConfig, tokenOfEnvironment } from './token.ts'

/** Options of every command that asks a running process. */
export interface AdminOptions {
  admin?: string | undefined
  config?: string | undefined
  json?: boolean | undefined
}

/** Where the admin listener of a running process is. */
export interface AdminTarget {
  /** For messages, as it could be given to `--admin`. */
  text: string
  /** Who said so. */
  from: string
  /** For `node:http`. */
  connection: { socketPath: string } | { host: string; port: number }
  token: Token
}

const ACCEPTED = 'unix:/path of a socket, or http://HOST:PORT'

/** Finds the admin listener: `--admin`, then the file of `-c`, then `LIMPET_ADMIN`, then the usual place. */
export async function findAdmin({ admin, config }: AdminOptions, { env }: Io): Promise<AdminTarget> {
  const settings = config === undefined ? undefined : await readAdmin(config)
  const own = tokenOfEnvironment(env)
  const token = config === undefined ? own : (tokenOfConfig(settings?.token, resolve(dirname(config)), env) ?? own)
  if (admin !== undefined) return { ...readTarget(admin, '--admin'), from: '--admin', token }
  if (config !== undefined) return { ...targetOfConfig(config, settings), from: visible(config), token }
  if (env.LIMPET_ADMIN) return { ...readTarget(env.LIMPET_ADMIN, 'LIMPET_ADMIN'), from: 'LIMPET_ADMIN', token }
  return { ...readTarget(DEFAULT_ADMIN_LISTEN, ''), from: 'the usual place', token }
}

type Located = Pick<AdminTarget, 'text' | 'connection'>

/**
 * `admin` of a configuration, whatever else is wrong with the file: to reload it is how one finds out. Undefined: it has
 * none.
 */
async function readAdmin(file: string): Promise<Record<string, unknown> | undefined> {
  if (file === '' || file === '-')
    throw new UsageError('the address of the admin listener is read from a file: -c limpet.yaml')
  const text = await readConfigText(file).catch((error: unknown) => {
    if (error instanceof LimpetError) throw new CliError(error.message, EXIT.config, { cause: error })
    throw error
  })
  const document = readYaml(text).root?.value
  const name = visible(file)
  if (!isMapping(document)) throw new CliError(`${name} cannot be read: limpet check -c ${name} tells why`, EXIT.config)
  return isMapping(document.admin) ? document.admin : undefined
}

function targetOfConfig(file: string, settings: Record<string, unknown> | undefined): Located {
  if (settings !== undefined) return targetOfListen(file, settings.listen ?? DEFAULT_ADMIN_LISTEN)
  const advice = `add  admin: { listen: "${DEFAULT_ADMIN_LISTEN}" }  and restart, or give --admin`
  throw new CliError(`${visible(file)} has no admin listener; ${advice}`, EXIT.config)
}

function targetOfListen(file: string, listen: unknown): Located {
  const read = readBindAddress(listen, false)
  if ('refusal' in read) {
    throw new CliError(`admin.listen of ${visible(file)}: ${read.refusal.message}`, EXIT.config)
  }
  const { value } = read
  if (value.kind === 'unix') return unixTarget(value.path)
  if (value.kind === 'fd') throw new RangeError('a file has no descriptors')
  // Who listens on every address is reached on this host.
  const host = value.kind === 'any' || value.host === '0.0.0.0' ? '127.0.0.1' : value.host === '::' ? '::1' : value.host
  return tcpTarget(host, value.port)
}

function readTarget(text: string, from: string): Located {
  if (text.startsWith('unix:/')) return unixTarget(text.slice('unix:'.length))
  const url = text.startsWith('http://') && URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && url.pathname === '/' && url.search === '' && url.username === ''
  if (!isPlain)
    throw new UsageError(`${from}: ${quote(text)} is no address of an admin listener; accepted: ${ACCEPTED}`)
  return tcpTarget(url.hostname.replace(/^\[(.*)\]$/, '$1'), Number(url.port || 80))
}

function unixTarget(path: string): Located {
  return { text: visible(`unix:${path}`), connection: { socketPath: path } }
}

function tcpTarget(host: string, port: number): Located {
  return { text: visible(`http://${host.includes(':') ? `[${host}]` : host}:${port}`), connection: { host, port } }
}
