import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findCommand, ROOT } from './paths.mjs'
import { BuildError } from './report.mjs'
import { run } from './run.mjs'

/** What of a build belongs into the package: the addon, and the programs of `limpet bench`. */
const SHIPPED = /^(limpet\.node|limpet-bench-[a-z]+(\.exe)?)$/

/**
 * Puts this platform's addon, and the programs beside it, where an installed package looks for them. Not only before
 * packing: of a dependency that comes from git, npm runs `prepare` and nothing else.
 *
 * @param {string} built the addon
 * @param {string} [root]
 */
export async function placePrebuild(built, root = ROOT) {
  const { prebuildName, ownHost } = await import(pathToFileURL(join(root, 'dist', 'addon.js')).href)
  const directory = join(root, 'prebuilds', prebuildName(ownHost()))
  mkdirSync(directory, { recursive: true })
  for (const name of readdirSync(dirname(built)).filter(name => SHIPPED.test(name))) {
    await place(join(dirname(built), name), join(directory, name))
  }
}

/**
 * @param {string} built
 * @param {string} target
 */
async function place(built, target) {
  if (existsSync(target) && statSync(target).mtimeMs >= statSync(built).mtimeMs) return
  const fresh = `${target}.${process.pid}`
  copyFileSync(built, fresh)
  await strip(fresh)
  renameSync(fresh, target)
}

/**
 * Leaves out what only a debugger needs, where there is a program for it.
 *
 * @param {string} file
 */
async function strip(file) {
  const program = process.platform === 'linux' ? findCommand('strip') : undefined
  if (!program) return
  const { status, output } = await run(program, ['--strip-unneeded', file])
  if (status !== 0) {
    throw new BuildError('the addon seems to be damaged; npm run build:native builds it anew.', output)
  }
}
