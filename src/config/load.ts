import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { optionsArgument } from '../arguments.ts'
import { argumentTypeError, LimpetConfigError, LimpetError } from '../errors.ts'
import { loadKeyModules } from './key-modules.ts'
import { offsetOf } from './located.ts'
import type { Finding } from './parsed.ts'
import { problemOf, type ResolveContext, resolveDocument, type Source } from './resolve.ts'
import type { ResolvedConfig } from './resolved.ts'
import { quote } from './text.ts'
import { MOST_CONFIG_BYTES, readYaml } from './yaml.ts'

/** How a text is read. */
export interface ParseOptions extends ResolveContext {
  /** Name of the file, for messages; paths of secrets are relative to its directory. */
  file?: string | undefined
}

/** How a file is read. */
export type LoadOptions = Omit<ParseOptions, 'file'>

/**
 * Reads a configuration from YAML text.
 *
 * @throws {@link LimpetConfigError} with everything that is wrong, each with its line and column
 */
export function parseConfig(text: string, options: ParseOptions = {}): ResolvedConfig {
  return parseText(text, options).config
}

/**
 * As {@link parseConfig}, and loads the modules that the configuration names.
 *
 * @throws {@link LimpetConfigError} also for modules that cannot be used
 */
export async function loadConfigText(text: string, options: ParseOptions = {}): Promise<ResolvedConfig> {
  const { config, source } = parseText(text, options)
  await loadKeyModules(config, source)
  return config
}

function parseText(text: string, options: ParseOptions): { config: ResolvedConfig; source: Source } {
  if (typeof text !== 'string') throw argumentTypeError('text', 'a string', text)
  const { file } = optionsArgument('options', options)
  const { root, position, findings } = readYaml(text)
  const offsets = new Map<Finding, number>(findings.map(finding => [finding, finding.offset]))
  const place = (finding: Finding): { line: number; column: number } => {
    const offset =
      offsets.get(finding) ?? (root === undefined ? 0 : offsetOf(root, finding.path, finding.at ?? 'value'))
    return position(offset)
  }
  const source: Source = { mode: 'yaml', raw: root?.value, file, findings, place }
  if (root === undefined)
    throw new LimpetConfigError(
      findings.map(finding => problemOf(finding, source)),
      { path: file },
    )
  const directory = options.directory ?? (file === undefined ? process.cwd() : dirname(file))
  return { config: resolveDocument(source, { ...options, directory }), source }
}

/**
 * Reads a configuration file, and loads the modules that it names: code of theirs runs.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_CONFIG_READ`: the file cannot be read; `cause` is the system error
 * @throws {@link LimpetConfigError} with everything that is wrong, each with its line and column
 */
export async function loadConfig(path: string, options: LoadOptions = {}): Promise<ResolvedConfig> {
  if (typeof path !== 'string') throw argumentTypeError('path', 'a string', path)
  optionsArgument('options', options)
  return await loadConfigText(await readConfigText(path), { ...options, file: path })
}

/** The text of a configuration file; throws as {@link loadConfig}. */
export async function readConfigText(path: string): Promise<string> {
  const bytes = await readBounded(path).catch((cause: unknown) => {
    throw new LimpetError(
      'LIMPET_ERR_CONFIG_READ',
      `cannot read the configuration file ${quote(path)}: ${reasonOf(cause)}`,
      { cause, path },
    )
  })
  return decode(bytes, path)
}

/** Reads a file, or a pipe as with `<(…)`, up to a little more than may be in it; the text is then refused as too large. */
async function readBounded(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of file.createReadStream({
      autoClose: false,
      end: MOST_CONFIG_BYTES,
    }) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
    }
    return Buffer.concat(chunks, length)
  } finally {
    await file.close()
  }
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  const reasons: Record<string, string> = {
    ENOENT: 'it does not exist',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
  }
  return code === undefined ? message : (reasons[code] ?? code)
}

function decode(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const before = validPrefix(bytes).toString()
    const line = before.split('\n').length
    const column = before.length - before.lastIndexOf('\n')
    const message = 'the file is not UTF-8 text: this byte cannot be read'
    throw new LimpetConfigError(
      [{ file, line, column, path: '', message, accepted: 'UTF-8', code: 'LIMPET_ERR_CONFIG' }],
      { path: file },
    )
  }
}

/** The bytes before the first one that is not UTF-8. */
function validPrefix(bytes: Buffer): Buffer {
  let low = 0
  let high = bytes.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (isPrefix(bytes.subarray(0, middle))) low = middle
    else high = middle - 1
  }
  return bytes.subarray(0, low)
}

function isPrefix(bytes: Buffer): boolean {
  try {
    // `stream`: a sequence that is cut at the end is no mistake yet.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}
