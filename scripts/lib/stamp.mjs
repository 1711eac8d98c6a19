import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/**
 * What an output was made from. `environment`: the tools; when it changes, everything is made anew. `withPrograms`: those
 * of `limpet bench` were built with the addon.
 *
 * @typedef {{ environment: string, inputs: string, withPrograms?: boolean }} Stamp
 */

/**
 * A hash over names and contents of files; the order in which they are listed does not matter.
 *
 * @param {string} root
 * @param {readonly string[]} files relative to root
 */
export function hashFiles(root, files) {
  const hash = createHash('sha256')
  for (const file of [...files].sort()) {
    const content = readFileSync(join(root, file))
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/**
 * Files below a directory with one of these extensions, relative to root.
 *
 * @param {string} root
 * @param {string} directory
 * @param {readonly string[]} extensions
 * @returns {string[]}
 */
export function listFiles(root, directory, extensions) {
  const found = readdirSync(join(root, directory), { withFileTypes: true, recursive: true })
  const files = found.filter(entry => entry.isFile() && extensions.some(extension => entry.name.endsWith(extension)))
  return files.map(entry => join(entry.parentPath, entry.name).slice(root.length + 1)).sort()
}

/**
 * Name and version of installed packages, or of their absence.
 *
 * @param {string} root
 * @param {readonly string[]} names
 */
export function packageVersions(root, names) {
  const require = createRequire(join(root, 'package.json'))
  return names.map(name => `${name}@${versionOf(require, name) ?? 'none'}`).join(' ')
}

/**
 * @param {NodeJS.Require} require
 * @param {string} name
 * @returns {string | undefined}
 */
function versionOf(require, name) {
  try {
    return require(`${name}/package.json`).version
  } catch {
    // Not installed; whoever needs it says so.
    return undefined
  }
}

/**
 * @param {string} file
 * @returns {Partial<Stamp>} empty: there is none
 */
export function readStamp(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Absent or torn: what it would describe is made anew.
    return {}
  }
}

/**
 * @param {string} file
 * @param {Partial<Stamp>} stamp
 */
export function writeStamp(file, stamp) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(stamp)}\n`)
}
