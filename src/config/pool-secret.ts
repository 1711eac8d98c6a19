import { isAbsolute, resolve } from 'node:path'
import { inspect } from 'node:util'
import { storeFindings } from './cluster.ts'
import { isMapping } from './mapping.ts'
import type { Finding } from './parsed.ts'
import { readSmallFile } from './small-file.ts'
import { quote } from './text.ts'
import { isEnvironmentName, isFilePath, SECRET_BYTES } from './text-scalars.ts'
import type { View } from './view.ts'

/** Where the secret of a pool came from. */
export type SecretSource =
  | { kind: 'default' }
  | { kind: 'text' }
  | { kind: 'env'; name: string }
  | { kind: 'file'; path: string }

/**
 * The secret of a pool, the token of the admin API, or the URL of the store of a cluster. It shows where it came from and nothing else, whatever prints it: only {@link PoolSecret.bytes}
 * gives it out.
 */
export class PoolSecret {
  readonly source: SecretSource
  readonly #bytes: Buffer

  constructor(source: SecretSource, bytes: Buffer) {
    this.source = source
    this.#bytes = bytes
  }

  /** The secret derived from a pool's name: restarts and other balancers agree on it, and clients may guess it. */
  static ofPool(name: string): PoolSecret {
    return new PoolSecret({ kind: 'default' }, Buffer.from(`limpet-pool:${name}`))
  }

  /** A copy of the secret. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes)
  }

  toString(): string {
    switch (this.source.kind) {
      case 'env':
        return `(from env ${this.source.name})`
      case 'file':
        return '(from file)'
      case 'text':
        return '(set)'
      default:
        return "(derived from the pool's name)"
    }
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return `PoolSecret ${this.toString()}`
  }
}

/** Where secrets are looked for. */
export interface SecretContext {
  env: Readonly<Record<string, string | undefined>>
  /** Relative paths begin here. */
  directory: string
}

/** What the secrets of the pools are, and what is wrong with them. */
export interface Secrets {
  byPool: Map<string, PoolSecret>
  /** Of the admin API; undefined: none. */
  token: PoolSecret | undefined
  /** Of the store of the cluster; undefined: there is no cluster, or no URL that could be read. */
  storeUrl: PoolSecret | undefined
  findings: Finding[]
  warnings: Finding[]
}

/** Reads the secrets of all pools, of the admin API and of the cluster; a malformed one is told by the schema. */
export function readSecrets({ pools, admin, cluster }: View, context: SecretContext): Secrets {
  const secrets: Secrets = { byPool: new Map(), token: undefined, storeUrl: undefined, findings: [], warnings: [] }
  for (const { name, secret } of pools) {
    const read =
      secret === undefined ? PoolSecret.ofPool(name) : readOne(secrets, ['pools', name, 'secret'], secret, context)
    if (read !== undefined) secrets.byPool.set(name, read)
  }
  secrets.token = sendable(secrets, readOne(secrets, ['admin', 'token'], admin?.token, context))
  secrets.storeUrl = readOne(secrets, ['cluster', 'url'], cluster?.url, context)
  secrets.findings.push(...storeFindings(secrets.storeUrl))
  return secrets
}

/** A token must get through a header as it is: with a space in it nobody would be let in. */
function sendable(found: Secrets, token: PoolSecret | undefined): PoolSecret | undefined {
  if (token === undefined || /^[\x21-\x7e]+$/.test(Buffer.from(token.bytes()).toString('latin1'))) return token
  const message = 'the token has a space, or another character that the header Authorization does not take'
  found.findings.push(badSecret(['admin', 'token'], message, 'ASCII characters without spaces: openssl rand -hex 32'))
  return undefined
}

/** One secret; undefined where there is none that could be read, which `found` then says. */
function readOne(found: Secrets, path: string[], value: unknown, context: SecretContext): PoolSecret | undefined {
  if (typeof value === 'string') return new PoolSecret({ kind: 'text' }, Buffer.from(value))
  if (!isMapping(value)) return undefined
  if (isEnvironmentName(value.env)) return fromEnvironment(found, [...path, 'env'], value.env, context)
  return isFilePath(value.file) ? fromFile(found, [...path, 'file'], value.file, context) : undefined
}

function fromEnvironment(found: Secrets, path: string[], name: string, context: SecretContext): PoolSecret | undefined {
  const value = Object.hasOwn(context.env, name) ? context.env[name] : undefined
  if (value !== undefined && value !== '') return sized(found, path, { kind: 'env', name }, Buffer.from(value))
  const state = value === undefined ? 'not set' : 'empty'
  found.findings.push(
    badSecret(path, `the environment variable ${quote(name)} is ${state}`, `a variable that holds ${ACCEPTED_BYTES}`),
  )
  return undefined
}

function fromFile(found: Secrets, path: string[], file: string, context: SecretContext): PoolSecret | undefined {
  const absolute = isAbsolute(file) ? file : resolve(context.directory, file)
  try {
    // Room for a line end, and for the byte that shows that there are too many.
    const read = readSmallFile(absolute, SECRET_BYTES.max + 3)
    if (read === undefined) return refuseFile(found, path, absolute, 'is not a regular file')
    if ((read.stats.mode & 0o004) !== 0)
      found.warnings.push({ path, message: `every user of this host can read ${quote(file)}` })
    return sized(found, path, { kind: 'file', path: absolute }, withoutLineEnd(read.bytes))
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    return refuseFile(found, path, absolute, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`)
  }
}

function refuseFile(found: Secrets, path: string[], file: string, why: string): undefined {
  found.findings.push(badSecret(path, `the file ${quote(file)} ${why}`, `a file that holds ${ACCEPTED_BYTES}`))
}

const ACCEPTED_BYTES = `${SECRET_BYTES.min} to ${SECRET_BYTES.max} bytes`

function sized(found: Secrets, path: string[], source: SecretSource, bytes: Buffer): PoolSecret | undefined {
  if (bytes.length >= SECRET_BYTES.min && bytes.length <= SECRET_BYTES.max) return new PoolSecret(source, bytes)
  const size = bytes.length > SECRET_BYTES.max ? `more than ${SECRET_BYTES.max}` : `only ${bytes.length}`
  found.findings.push(badSecret(path, `the secret has ${size} bytes`, ACCEPTED_BYTES))
  return undefined
}

function badSecret(path: string[], message: string, accepted: string): Finding {
  return { path, message, accepted, code: 'LIMPET_ERR_BAD_SECRET' }
}

function withoutLineEnd(bytes: Buffer): Buffer {
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? 2 : 1) : 0
  return bytes.subarray(0, bytes.length - end)
}
