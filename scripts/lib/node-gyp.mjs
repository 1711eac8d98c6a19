import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { findCommand, ROOT } from './paths.mjs'
import { BuildError } from './report.mjs'
import { run } from './run.mjs'

// Older ones do not know the Pythons of today.
const OLDEST_MAJOR = 10

/** What the binding.gyp of a checkout says, too. */
export const BINDING = "{ 'includes': ['native/addon.gypi', 'bench/bench.gypi'] }\n"

/**
 * Builds `build/<configuration>/limpet.node` of a package, and with `programs` those of `limpet bench` beside it. Throws
 * a {@link BuildError} with what the compiler wrote.
 *
 * @param {{ root: string, debug: boolean, programs: boolean, compiler: string }} build
 * @returns {Promise<string>} what was written, for its warnings
 */
export async function runNodeGyp({ root, debug, programs, compiler }) {
  // Named targets are built with what they depend on; without a name it is all of them.
  const targets = programs ? [] : [process.platform === 'win32' ? '/t:limpet' : 'limpet']
  const mode = debug ? '--debug' : '--release'
  const args = [nodeGypScript(root), 'configure', 'build', ...targets, mode, '--loglevel=error']
  const headers = nodeHeaders()
  if (headers) args.push(`--nodedir=${headers}`)
  args.push(`--jobs=${process.env.JOBS || 'max'}`)
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` }
  // Without CXX, gyp takes g++, also where only another compiler is installed.
  if (process.platform !== 'win32') env.CXX = compiler
  const { status, output } = await withBinding(root, () => run(process.execPath, args, { cwd: root, env }))
  if (status === 0) return output
  throw new BuildError('the native addon could not be built; the cause is above.', withoutStack(output))
}

/**
 * node-gyp reads a binding.gyp in the root, and an installed package has none: npm runs `node-gyp rebuild` for every
 * dependency with such a file, because a lockfile does not tell it of `gypfile: false`. So it is there only while it is
 * needed, or the next `npm rebuild` would compile.
 *
 * @template T
 * @param {string} root
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withBinding(root, work) {
  const file = join(root, 'binding.gyp')
  if (existsSync(file)) return await work()
  writeFileSync(file, BINDING)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

/**
 * Leaves out what node-gyp says about itself; if the compiler named an error, nothing of node-gyp or make is needed.
 *
 * @param {string} output
 */
function withoutStack(output) {
  const noise = /error:/.test(output)
    ? /^(gyp ERR!|make(\[\d+\])?: (Entering|Leaving))/
    : /^gyp ERR! (stack {2,}|System|command|cwd|node -v|node-gyp -v|not ok)/
  return output
    .split('\n')
    .filter(line => !noise.test(line))
    .join('\n')
}

/**
 * The prefix whose include/node has the headers of the running Node, so that none need to be downloaded; undefined: it
 * has none, or the user has named another one.
 *
 * @returns {string | undefined}
 */
function nodeHeaders() {
  if (process.env.npm_config_nodedir) return undefined
  const prefix = dirname(dirname(process.execPath))
  const include = join(prefix, 'include', 'node')
  return ['node_api.h', 'common.gypi'].every(file => existsSync(join(include, file))) ? prefix : undefined
}

/**
 * node-gyp's script: the project's own, else the one that npm brings along.
 *
 * @param {string} root
 * @returns {string}
 */
export function nodeGypScript(root = ROOT) {
  for (const candidate of candidates(root)) {
    if (candidate && existsSync(candidate) && majorVersion(candidate) >= OLDEST_MAJOR) return candidate
  }
  throw new BuildError(
    `node-gyp ${OLDEST_MAJOR} or newer was not found, neither beside Limpet nor inside npm; install it (npm install node-gyp@12) and try again.`,
  )
}

/**
 * @param {string} root
 * @returns {Generator<string | undefined>}
 */
function* candidates(root) {
  yield localScript(root)
  // npm sets both for everything that it runs, npx included.
  yield process.env.npm_config_node_gyp
  const npm = process.env.npm_execpath
  if (npm) yield join(dirname(dirname(npm)), 'node_modules/node-gyp/bin/node-gyp.js')
  yield join(dirname(dirname(process.execPath)), 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js')
  const inPath = findCommand('npm')
  if (inPath) yield join(dirname(dirname(realpathSync(inPath))), 'node_modules/node-gyp/bin/node-gyp.js')
}

/** @param {string} root */
function localScript(root) {
  try {
    return createRequire(join(root, 'package.json')).resolve('node-gyp/bin/node-gyp.js')
  } catch {
    // Not installed: the next place is looked at, and an error names them all.
    return undefined
  }
}

/** @param {string} script */
function majorVersion(script) {
  const manifest = JSON.parse(readFileSync(join(dirname(dirname(script)), 'package.json'), 'utf8'))
  return Number.parseInt(manifest.version, 10)
}
