import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findCommand, ROOT } from './paths.mjs'
import { BuildError } from './report.mjs'
import { run } from './run.mjs'

/**
 * Puts this platform's addon where an installed package looks for it. Not only before packing: of a dependency that
 * comes from git, npm runs `prepare` and nothing else.
 *
 * @param {string} built the addon
 * @param {string} [root]
 */
export async function placePrebuild(built, root = ROOT) {
  const { prebuildName, ownHost } = await import(pathToFileURL(join(root, 'dist', 'addon.js')).href)
  const target = join(root, 'prebuilds', prebuildName(ownHost()), 'limpet.node')
  if (existsSync(target) && statSync(target).mtimeMs >= statSync(built).mtimeMs) return
  const fresh = `${target}.${process.pid}`
  mkdirSync(dirname(target), { recursive: true })
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
