import { realpathSync, statSync } from 'node:fs'
import { findCommand } from './paths.mjs'
import { BuildError } from './report.mjs'
import { run } from './run.mjs'

const COMPILERS = ['c++', 'g++', 'clang++']

/**
 * @typedef {object} Toolchain
 * @property {string} compiler the command that compiles C++, perhaps with arguments (`ccache g++`)
 * @property {readonly string[]} files the programs of that command
 */

/**
 * @typedef {object} ToolSearch
 * @property {NodeJS.ProcessEnv} [env]
 * @property {NodeJS.Platform} [platform]
 * @property {(command: string) => string | undefined} [find]
 */

/**
 * Looks for what a build of the addon needs, without running anything.
 *
 * @param {ToolSearch} [search]
 * @returns {{ toolchain: Toolchain | undefined, missing: string[] }} `missing`: a sentence for each absent tool
 */
export function findToolchain(search = {}) {
  const { env = process.env, platform = process.platform, find = command => findCommand(command, env) } = search
  // Visual Studio is not in PATH; node-gyp knows how to find it, and says so when it does not.
  if (platform === 'win32') return { toolchain: { compiler: 'cl', files: [] }, missing: [] }
  const compiler = findCompiler(env, find)
  const missing = []
  if (!compiler) missing.push(noCompiler(env))
  if (!find(env.MAKE || 'make')) {
    missing.push('make is needed to build the addon and was not found; install it (Debian: apt-get install make).')
  }
  if (!hasPython(env, find)) {
    missing.push(
      'python3 is needed to build the addon and was not found; install it (Debian: apt-get install python3).',
    )
  }
  return { toolchain: compiler, missing }
}

/**
 * What the built addon depends on besides its sources: changes when the compiler does.
 *
 * @param {Toolchain} toolchain
 */
export function toolchainIdentity(toolchain) {
  const programs = toolchain.files.map(file => {
    const real = realpathSync(file)
    const { size, mtimeMs } = statSync(real)
    return `${real}:${size}:${mtimeMs}`
  })
  return [toolchain.compiler, ...programs].join('|')
}

/**
 * Fails with one sentence if the compiler is too old, instead of with pages of its errors.
 *
 * @param {Toolchain} toolchain
 */
export async function requireCpp20(toolchain) {
  const [program, ...args] = toolchain.compiler.split(/\s+/)
  if (!program || program === 'cl') return
  const probe = await run(program, [...args, '-std=c++20', '-x', 'c++', '-fsyntax-only', '/dev/null'])
  if (probe.status === 0) return
  throw new BuildError(
    `the compiler "${toolchain.compiler}" does not take -std=c++20; install GCC 11 or Clang 14 (or newer), or name one in CXX.`,
    probe.output,
  )
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {(command: string) => string | undefined} find
 * @returns {Toolchain | undefined}
 */
function findCompiler(env, find) {
  for (const compiler of env.CXX ? [env.CXX.trim()] : COMPILERS) {
    const words = compiler.split(/\s+/).filter(word => !word.startsWith('-'))
    const files = words.map(word => find(word)).filter(file => file !== undefined)
    if (files.length > 0 && files.length === words.length) return { compiler, files }
  }
  return undefined
}

/** @param {NodeJS.ProcessEnv} env */
function noCompiler(env) {
  const tried = env.CXX ? `CXX names "${env.CXX}"` : `tried ${COMPILERS.join(', ')}`
  return `a C++ compiler is needed to build the addon and none was found (${tried}); install one (Debian: apt-get install g++) or name it in CXX.`
}

/**
 * The variables are those by which node-gyp lets a user name a Python; whether it is a good one, node-gyp finds out.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {(command: string) => string | undefined} find
 */
function hasPython(env, find) {
  const named = env.NODE_GYP_FORCE_PYTHON || env.npm_config_python || env.PYTHON
  if (named) return find(named) !== undefined
  return find('python3') !== undefined || find('python') !== undefined
}
