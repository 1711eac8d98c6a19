import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ROOT } from '../paths.mjs'

// Neither Node nor sockets.
const CORE = ['native/core', 'native/protocol']

/** Sources that every program is linked with, relative to the root. */
export function listUnits() {
  const relay = process.platform === 'linux' ? ['native/relay', 'native/os'] : []
  return [...CORE, ...relay, 'test/native/support'].flatMap(directory => listSources(directory, '.cc'))
}

/** Sources of the addon, relative to the root. */
export function listAddonUnits() {
  return [...CORE, 'native/relay', 'native/os', 'native/addon'].flatMap(directory => listSources(directory, '.cc'))
}

/** Sources that every fuzz target is linked with, relative to the root: the core and the protocols, which know no sockets. */
export function listCoreUnits() {
  return CORE.flatMap(directory => listSources(directory, '.cc'))
}

/** The fuzz targets' sources, relative to the root. */
export function listFuzzTargets() {
  return listSources('test/fuzz', '.cc')
}

/** The programs' sources, relative to the root. */
export function listPrograms() {
  return listSources('test/native', '_test.cc')
}

/** Where headers are found besides beside the file that includes them. */
export function includeFlags() {
  const xxhash = dirname(createRequire(import.meta.url).resolve('xxhash-addon/package.json'))
  return ['-Inative', '-Itest/native', '-isystem', join(xxhash, 'xxHash')]
}

/**
 * The same for the addon, which needs Node's headers as well.
 *
 * @param {string} headers
 */
export function addonIncludeFlags(headers) {
  const napi = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'))
  return [...includeFlags(), '-isystem', headers, '-isystem', napi]
}

/**
 * @param {string} directory
 * @param {string} ending
 */
function listSources(directory, ending) {
  if (!existsSync(join(ROOT, directory))) return []
  const names = readdirSync(join(ROOT, directory)).filter(name => name.endsWith(ending))
  return names.sort().map(name => `${directory}/${name}`)
}
