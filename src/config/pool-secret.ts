import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { inspect } from 'node:util'
import { isMapping } from './mapping.ts'
import type { Finding } from './parsed.ts'
import { isEnvironmentName, isFilePath, SECRET_BYTES } from './scalars.ts'
import { quote } from './text.ts'
import type { PoolView } from './view.ts'

/** Where the secret of a pool came from. */
export type SecretSource =
  | { kind: 'default' }
  | { kind: 'text' }
  | { kind: 'env'; name: string }
  | { kind: 'file'; path: string }

/**
 * The secret of a pool. It shows where it came from and nothing else, whatever prints it: only {@link PoolSecret.bytes}
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
  findings: Finding[]
  warnings: Finding[]
}

/** Reads the secrets of all pools; a malformed `secret` is told by the schema. */
export function readSecrets(pools: readonly PoolView[], context: SecretContext): Secrets {
  const secrets: Secrets = { byPool: new Map(), findings: [], warnings: [] }
  for (const { name, secret } of pools) {
    const path = ['pools', name, 'secret']
    if (secret === undefined) secrets.byPool.set(name, PoolSecret.ofPool(name))
    else if (typeof secret === 'string') secrets.byPool.set(name, new PoolSecret({ kind: 'text' }, Buffer.from(secret)))
    else if (isMapping(secret) && isEnvironmentName(secret.env))
      fromEnvironment(secrets, name, [...path, 'env'], secret.env, context)
    else if (isMapping(secret) && isFilePath(secret.file))
      fromFile(secrets, name, [...path, 'file'], secret.file, context)
  }
  return secrets
}

function fromEnvironment(secrets: Secrets, pool: string, path: string[], name: string, context: SecretContext): void {
  const value = Object.hasOwn(context.env, name) ? context.env[name] : undefined
  if (value === undefined || value === '') {
    const state = value === undefined ? 'not set' : 'empty'
    secrets.findings.push(
      badSecret(path, `the environment variable ${quote(name)} is ${state}`, `a variable that holds ${ACCEPTED_BYTES}`),
    )
    return
  }
  keep(secrets, pool, path, { kind: 'env', name }, Buffer.from(value))
}

function fromFile(secrets: Secrets, pool: string, path: string[], file: string, context: SecretContext): void {
  const absolute = isAbsolute(file) ? file : resolve(context.directory, file)
  try {
    const read = readSmallFile(absolute)
    if (read === undefined) {
      refuseFile(secrets, path, absolute, 'is not a regular file')
      return
    }
    if ((read.mode & 0o004) !== 0)
      secrets.warnings.push({ path, message: `every user of this host can read ${quote(file)}` })
    keep(secrets, pool, path, { kind: 'file', path: absolute }, withoutLineEnd(read.bytes))
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    refuseFile(secrets, path, absolute, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`)
  }
}

function refuseFile(secrets: Secrets, path: string[], file: string, why: string): void {
  secrets.findings.push(badSecret(path, `the file ${quote(file)} ${why}`, `a file that holds ${ACCEPTED_BYTES}`))
}

const ACCEPTED_BYTES = `${SECRET_BYTES.min} to ${SECRET_BYTES.max} bytes`

function keep(secrets: Secrets, pool: string, path: string[], source: SecretSource, bytes: Buffer): void {
  if (bytes.length >= SECRET_BYTES.min && bytes.length <= SECRET_BYTES.max)
    secrets.byPool.set(pool, new PoolSecret(source, bytes))
  else {
    const size = bytes.length > SECRET_BYTES.max ? `more than ${SECRET_BYTES.max}` : `only ${bytes.length}`
    secrets.findings.push(badSecret(path, `the secret has ${size} bytes`, ACCEPTED_BYTES))
  }
}

function badSecret(path: string[], message: string, accepted: string): Finding {
  return { path, message, accepted, code: 'LIMPET_ERR_BAD_SECRET' }
}

/** Reads a little more than a secret may have; undefined: not a regular file. A FIFO or a device could keep the process waiting for ever. */
function readSmallFile(path: string): { bytes: Buffer; mode: number } | undefined {
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) return undefined
    // Room for a line end, and for the byte that shows that there are too many.
    const buffer = Buffer.alloc(SECRET_BYTES.max + 3)
    let length = 0
    for (let read = 1; read > 0 && length < buffer.length; length += read) {
      read = readSync(fd, buffer, length, buffer.length - length, null)
    }
    return { bytes: buffer.subarray(0, length), mode: stats.mode }
  } finally {
    closeSync(fd)
  }
}

function withoutLineEnd(bytes: Buffer): Buffer {
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? 2 : 1) : 0
  return bytes.subarray(0, bytes.length - end)
}
