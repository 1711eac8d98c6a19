import { createHash } from 'node:crypto'
import { type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { certificateWarnings, whyNotAuthorities, whyNotPair } from '../tls/pem.ts'
import { isMapping } from './mapping.ts'
import type { Finding } from './parsed.ts'
import { readSmallFile } from './small-file.ts'
import { type Path, quote } from './text.ts'
import { isFilePath } from './text-scalars.ts'
import type { ResolvedBackendTls, ResolvedListenerTls, ResolvedPair } from './tls-resolved.ts'
import type { ParsedBackendTls, ParsedListenerTls } from './tls-schema.ts'
import type { View } from './view.ts'

/** The whole bundle of a Linux distribution has 220 KB. */
const MOST_BYTES = 4 * 1024 * 1024
const ACCEPTED = 'a readable file in PEM'

/** A file of TLS as it was when it was read. Whatever prints it shows no contents: only {@link TlsFile.pem} gives them out. */
export class TlsFile {
  /** Absolute. */
  readonly path: string
  /** Of the contents: settings with other contents are other settings. */
  readonly sha256: string
  readonly #pem: Buffer
  readonly #looks: string

  /** `looks`: see {@link looksOf}. */
  constructor(path: string, pem: Buffer, looks: string) {
    this.path = path
    this.sha256 = createHash('sha256').update(pem).digest('hex')
    this.#pem = pem
    this.#looks = looks
  }

  /** What it looked like when it was read. */
  looks(): string {
    return this.#looks
  }

  pem(): Buffer {
    return this.#pem
  }
}

/** What differs as soon as a file is another one, or has other contents. */
export function looksOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join(' ')
}

/** What was read, by its absolute path, and what is wrong with it. */
export interface TlsFiles {
  byPath: Map<string, TlsFile>
  findings: Finding[]
  warnings: Finding[]
}

/** A file that cannot be used. */
export class TlsFileError extends Error {
  readonly accepted = ACCEPTED
}

/** What was read, by its path, for as long as somebody uses it. */
const used = new Map<string, WeakRef<TlsFile>>()

/**
 * Reads a file of TLS. One that only root may read stays what it was when it was read, until it looks otherwise: a process that
 * is root no longer would take no configuration any more.
 *
 * @throws {@link TlsFileError}
 */
export function readTlsFile(path: string): { file: TlsFile; mode: number } {
  try {
    const read = readSmallFile(path, MOST_BYTES + 1)
    if (read === undefined) throw new TlsFileError(`${quote(path)} is not a regular file`)
    if (read.bytes.length > MOST_BYTES) throw new TlsFileError(`${quote(path)} is larger than 4 MiB`)
    const file = new TlsFile(path, read.bytes, looksOf(read.stats))
    used.set(path, new WeakRef(file))
    return { file, mode: read.stats.mode }
  } catch (error) {
    if (error instanceof TlsFileError) throw error
    const { code = String(error) } = error as NodeJS.ErrnoException
    const unchanged = code === 'EACCES' ? usedStill(path) : undefined
    if (unchanged !== undefined) return unchanged
    throw new TlsFileError(`${quote(path)} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}`)
  }
}

/** A file that was read, and looks as it did then; undefined: it does not, or nobody can tell. */
function usedStill(path: string): { file: TlsFile; mode: number } | undefined {
  const file = used.get(path)?.deref()
  if (file === undefined) return undefined
  try {
    const stats = statSync(path)
    return looksOf(stats) === file.looks() ? { file, mode: stats.mode } : undefined
  } catch {
    // Its directory cannot be looked into either; whoever reads it tells that.
    return undefined
  }
}

/** Reads every certificate and key of a document; what is malformed is told by the schema. */
export function readTlsFiles({ listeners, pools }: View, directory: string): TlsFiles {
  const reader = new Reader(directory)
  for (const { index, tls } of listeners) if (isMapping(tls)) reader.listener(['listeners', index, 'tls'], tls)
  for (const { name, backendTls } of pools) {
    if (isMapping(backendTls)) reader.pool(['pools', name, 'backendTls'], backendTls)
  }
  return reader.files
}

class Reader {
  readonly files: TlsFiles = { byPath: new Map(), findings: [], warnings: [] }
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  listener(path: Path, { certificates, clientCa }: Record<string, unknown>): void {
    if (Array.isArray(certificates)) {
      for (const [index, pair] of certificates.entries())
        if (isMapping(pair)) this.#pair([...path, 'certificates', index], pair, index > 0)
    }
    this.#authorities([...path, 'clientCa'], clientCa)
  }

  pool(path: Path, tls: Record<string, unknown>): void {
    this.#authorities([...path, 'ca'], tls.ca)
    this.#pair(path, tls, false)
  }

  #authorities(path: Path, value: unknown): void {
    const file = this.#read(path, value)
    const why = file && whyNotAuthorities(file.pem())
    if (why !== undefined) this.#refuse(path, why)
  }

  #pair(path: Path, pair: Record<string, unknown>, isNamed: boolean): void {
    const [certPath, keyPath] = [
      [...path, 'cert'],
      [...path, 'key'],
    ]
    const cert = this.#read(certPath, pair.cert)
    const key = this.#read(keyPath, pair.key, true)
    if (cert === undefined || key === undefined) return
    const why = whyNotPair(cert.pem(), key.pem())
    if (why !== undefined) {
      this.#refuse(why.of === 'cert' ? certPath : keyPath, why.message)
      return
    }
    for (const message of certificateWarnings(cert.pem(), isNamed))
      this.files.warnings.push({ path: certPath, message })
  }

  #read(path: Path, value: unknown, isSecret = false): TlsFile | undefined {
    if (!isFilePath(value)) return undefined
    const absolute = resolve(this.#directory, value)
    try {
      const { file, mode } = readTlsFile(absolute)
      if (isSecret && (mode & 0o004) !== 0)
        this.files.warnings.push({ path, message: `every user of this host can read ${quote(value)}` })
      this.files.byPath.set(absolute, file)
      return file
    } catch (error) {
      this.#refuse(path, (error as Error).message)
      return undefined
    }
  }

  #refuse(path: Path, message: string): void {
    this.files.findings.push({ path, message, accepted: ACCEPTED, code: 'LIMPET_ERR_TLS_FILE' })
  }
}

/** What a listener's TLS is, with its files. */
export function listenerTlsOf(
  tls: ParsedListenerTls | undefined,
  files: TlsFiles,
  directory: string,
): ResolvedListenerTls | undefined {
  if (tls === undefined) return undefined
  const { certificates, clientCa, clientCertificates, ...rest } = tls
  return {
    ...rest,
    certificates: certificates.map(({ cert, key }) => pairOf(cert, key, files, directory)),
    clientCa: clientCa === undefined ? undefined : fileOf(clientCa, files, directory),
    clientCertificates: clientCa === undefined ? undefined : (clientCertificates ?? 'require'),
  }
}

/** What TLS to backends is, with its files. */
export function backendTlsOf(
  tls: ParsedBackendTls | undefined,
  files: TlsFiles,
  directory: string,
): ResolvedBackendTls | undefined {
  if (tls === undefined) return undefined
  const { verify, ca, cert, key, serverName, alpn } = tls
  return {
    verify: verify === 'on',
    ca: ca === undefined ? undefined : fileOf(ca, files, directory),
    serverName,
    certificate: cert === undefined || key === undefined ? undefined : pairOf(cert, key, files, directory),
    alpn,
  }
}

function pairOf(cert: string, key: string, files: TlsFiles, directory: string): ResolvedPair {
  return { cert: fileOf(cert, files, directory), key: fileOf(key, files, directory) }
}

/** Whatever could not be read is a finding, and then nothing is resolved. */
function fileOf(path: string, { byPath }: TlsFiles, directory: string): TlsFile {
  const file = byPath.get(resolve(directory, path))
  if (file === undefined) throw new RangeError(`${path} was not read`)
  return file
}
