import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownHost, prebuildName } from '../addon.ts'
import { LimpetError } from '../errors.ts'

/** The directory of package.json. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Installs the packages of {@link packageOf}. */
export const INSTALL_PACKAGES = `npm ci --prefix ${join(ROOT, 'bench')}`

/** Most that a child may say. */
const MOST_OUTPUT = 16 * 2 ** 20

/**
 * Path of a native program of `bench/bench.gypi`, by its name without `limpet-bench-`: built here, or shipped.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_BENCH_PROGRAM`: there is none
 */
export function nativeProgram(name: string): string {
  const file = `limpet-bench-${name}${process.platform === 'win32' ? '.exe' : ''}`
  const directories = [join(ROOT, 'build', 'Release'), join(ROOT, 'prebuilds', prebuildName(ownHost()))]
  const path = directories.map(directory => join(directory, file)).find(existsSync)
  if (path !== undefined) return path
  throw new LimpetError(
    'LIMPET_ERR_BENCH_PROGRAM',
    `there is no program ${file}, neither in ${directories.join(' nor in ')}; npx limpet build-native --bench builds it`,
  )
}

/** A package of bench/package.json. */
export interface InstalledPackage {
  /** Absolute, for `import()`. */
  path: string
  version: string
}

/** Undefined: it is not installed; {@link INSTALL_PACKAGES} does. */
export function packageOf(name: string): InstalledPackage | undefined {
  const require = createRequire(join(ROOT, 'bench', 'package.json'))
  try {
    const { version } = require(`${name}/package.json`) as { version: string }
    return { path: require.resolve(name), version }
  } catch {
    // Not installed: whoever asks says so.
    return undefined
  }
}

/** Arguments that run a module beside `from` as a program of Node: compiled JavaScript, or in a checkout its source. */
export function nodeModule(from: string, name: string): string[] {
  const extension = extname(fileURLToPath(from))
  const loader = extension === '.ts' ? process.execArgv : []
  return [...loader, fileURLToPath(new URL(`${name}${extension}`, from))]
}

/**
 * Runs a program that prints one JSON object. An abort kills it, and rejects with the signal's reason.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_BENCH_PROGRAM`: it cannot be started, failed, or printed something else
 */
export async function runProgram(command: string, args: readonly string[], signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted()
  const options = { signal, killSignal: 'SIGKILL', maxBuffer: MOST_OUTPUT } as const
  return await new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      try {
        signal.throwIfAborted()
        if (error !== null) throw failure(command, args, stderr.trim() || error.message, error)
        resolve(parse(command, args, stdout))
      } catch (problem) {
        reject(problem)
      }
    })
  })
}

function parse(command: string, args: readonly string[], stdout: string): unknown {
  try {
    return JSON.parse(stdout)
  } catch (error) {
    throw failure(command, args, `it printed no JSON: ${stdout.slice(0, 200)}`, error)
  }
}

function failure(command: string, args: readonly string[], said: string, cause: unknown): LimpetError {
  const last = said.split('\n').slice(-5).join('\n')
  return new LimpetError('LIMPET_ERR_BENCH_PROGRAM', `${[command, ...args].join(' ')} failed: ${last}`, { cause })
}
