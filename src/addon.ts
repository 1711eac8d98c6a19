import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LimpetError } from './errors.ts'
import type { NativeAddon } from './native.ts'

const FILE = 'limpet.node'

/** The machine that an addon must fit. */
export interface AddonHost {
  platform: string
  arch: string
  musl: boolean
}

/** Where to look for the addon, and which version it must have. */
export interface AddonSearch {
  /** The directory of package.json. */
  root: string
  /** Version of the package; an addon that was built from another one is stale. */
  version: string
  host: AddonHost
  /** `LIMPET_ADDON`: the only file to try. `LIMPET_DEBUG_ADDON`: the debug build is tried first. */
  env: NodeJS.ProcessEnv
}

let loaded: NativeAddon | undefined

/**
 * Loads the native addon at its first call; later calls return the same object. A failure is not remembered, so that
 * the addon can be built and then loaded by the same process.
 *
 * @throws LimpetError `LIMPET_ERR_ADDON_LOAD`, naming this platform, every path that was tried with what was wrong
 *   with it, and the command that builds the addon
 */
export function loadAddon(): NativeAddon {
  loaded ??= findAddon(ownSearch())
  return loaded
}

/** Tries every candidate in turn; see {@link loadAddon}. */
export function findAddon(search: AddonSearch): NativeAddon {
  const require = createRequire(join(search.root, 'package.json'))
  const failures: Error[] = []
  for (const path of addonCandidates(search)) {
    try {
      return load(require, path, search.version)
    } catch (error) {
      failures.push(new Error(`${path}: ${causeText(error)}`, { cause: error }))
    }
  }
  throw loadError(search, failures)
}

/** Every path that may hold the addon, in the order in which they are tried. */
export function addonCandidates({ root, host, env }: AddonSearch): string[] {
  if (env.LIMPET_ADDON) return [resolve(env.LIMPET_ADDON)]
  const built = join(root, 'build', 'Release', FILE)
  const debug = env.LIMPET_DEBUG_ADDON ? [join(root, 'build', 'Debug', FILE)] : []
  return [...debug, built, join(root, 'prebuilds', prebuildName(host), FILE)]
}

/** Name of the directory below `prebuilds` with the addon of a platform, like `linux-x64` or `linux-arm64-musl`. */
export function prebuildName({ platform, arch, musl }: AddonHost): string {
  return `${platform}-${arch}${musl ? '-musl' : ''}`
}

/** The machine that this process runs on. */
export function ownHost(): AddonHost {
  const { platform, arch } = process
  return { platform, arch, musl: platform === 'linux' && usesMusl(process.execPath) }
}

function ownSearch(): AddonSearch {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string }
  return { root, version, host: ownHost(), env: process.env }
}

function load(require: NodeJS.Require, path: string, version: string): NativeAddon {
  if (!existsSync(path)) throw new Error('there is no such file')
  const addon = require(path) as NativeAddon
  if (addon.version === version) return addon
  throw new Error(`a stale build: it was built from version ${addon.version}, and this is version ${version}`)
}

/**
 * A dynamic program names its loader in its first bytes, and that of musl has a name of its own. `process.report` would
 * tell as well, but may take seconds in a process with many sockets.
 */
function usesMusl(program: string): boolean {
  const head = Buffer.alloc(8192)
  try {
    const fd = openSync(program, 'r')
    try {
      return head.subarray(0, readSync(fd, head, 0, head.length, 0)).includes('/ld-musl-')
    } finally {
      closeSync(fd)
    }
  } catch {
    // A program that may be run but not read: the usual library is assumed, and the message of a failure says so.
    return false
  }
}

function loadError({ root, version, host, env }: AddonSearch, failures: Error[]): LimpetError {
  const libc = host.platform === 'linux' ? `, ${host.musl ? 'musl' : 'glibc'}` : ''
  const machine = `${host.platform}-${host.arch}${libc}, Node ${process.version}, Node-API ${process.versions.napi}`
  const lines = [
    `The native addon of limpet ${version} could not be loaded (${machine}):`,
    ...failures.map(failure => `  ${failure.message}`),
    `Build it with: ${buildCommand(root)}`,
  ]
  if (env.LIMPET_ADDON) lines.push('or unset LIMPET_ADDON, which names the only file that was tried')
  const cause = failures.length === 1 ? failures[0] : new AggregateError(failures, 'No candidate could be loaded')
  return new LimpetError('LIMPET_ERR_ADDON_LOAD', lines.join('\n'), { cause })
}

/** The sources of the JavaScript are in a checkout only. */
function buildCommand(root: string): string {
  return existsSync(join(root, 'src', 'addon.ts')) ? 'npm run build:native' : 'npx limpet build-native'
}

/** The first line: what the loader of the system says is long enough. */
function causeText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? text
}
