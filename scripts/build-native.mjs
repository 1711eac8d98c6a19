// Builds the native addon from its sources: for `npm run build` in a checkout, and for `limpet build-native` in an
// installed package. See build-native.d.mts for its face.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lib/lock.mjs'
import { runNodeGyp } from './lib/node-gyp.mjs'
import { ROOT } from './lib/paths.mjs'
import { BuildError } from './lib/report.mjs'
import { run } from './lib/run.mjs'
import { hashFiles, listFiles, packageVersions, readStamp, writeStamp } from './lib/stamp.mjs'
import { findToolchain, requireCpp20, toolchainIdentity } from './lib/toolchain.mjs'

export { BuildError } from './lib/report.mjs'

const STAMP = 'limpet.stamp.json'

/**
 * @param {import('./build-native.d.mts').BuildNativeOptions} [options]
 * @returns {Promise<{ path: string, built: boolean }>}
 */
export async function buildNative(options = {}) {
  const { debug = false, force = false, verify = false, programs = false } = options
  const { prebuilt, root = ROOT, log = console.log } = options
  const directory = join(root, 'build', debug ? 'Debug' : 'Release')
  const path = join(directory, 'limpet.node')
  if (!force && isFresh(root, directory, programs) && !(verify && (await loadFailure(path))))
    return { path, built: false }
  if (
    prebuilt &&
    !force &&
    !debug &&
    !programs &&
    !existsSync(path) &&
    existsSync(prebuilt) &&
    !(await loadFailure(prebuilt))
  )
    return { path: prebuilt, built: false }
  const { toolchain, missing } = findToolchain()
  if (!toolchain || missing.length > 0) throw new BuildError(missing.join('\nlimpet: '))
  await requireCpp20(toolchain)
  await withLock(join(root, 'build', 'native.lock'), log, async () => {
    const fresh = isFresh(root, directory, programs)
    // Whoever held the lock may have built it.
    if (fresh && !force && (await loadFailure(path)) === undefined) return
    const same = readStamp(join(directory, STAMP)).environment === environmentOf(root, toolchain)
    if (force || fresh || !same) rmSync(directory, { recursive: true, force: true })
    log(`limpet: building the native addon (${debug ? 'debug' : 'release'}, ${toolchain.compiler}) …`)
    await compile(root, directory, { debug, programs }, toolchain)
  })
  return { path, built: true }
}

/**
 * Whether the addon was built from these sources. A machine that lost its compiler keeps what it has built.
 *
 * @param {string} root
 * @param {string} directory
 * @param {boolean} programs and those of `limpet bench`
 */
function isFresh(root, directory, programs) {
  const { environment, inputs, withPrograms } = readStamp(join(directory, STAMP))
  if (programs && withPrograms !== true) return false
  if (inputs !== inputsOf(root) || !existsSync(join(directory, 'limpet.node'))) return false
  const { toolchain } = findToolchain()
  return !toolchain || environment === environmentOf(root, toolchain)
}

/**
 * @param {string} root
 * @param {string} directory
 * @param {{ debug: boolean, programs: boolean }} what
 * @param {import('./lib/toolchain.mjs').Toolchain} toolchain
 */
async function compile(root, directory, { debug, programs }, toolchain) {
  const stamp = { environment: environmentOf(root, toolchain), inputs: inputsOf(root), withPrograms: programs }
  // Before the build only the environment is true: a failed build goes on from where it stopped.
  writeStamp(join(directory, STAMP), { environment: stamp.environment })
  const output = await runNodeGyp({ root, debug, programs, compiler: toolchain.compiler })
  if (/warning:/.test(output)) console.error(output.trimEnd())
  const failure = await loadFailure(join(directory, 'limpet.node'))
  if (failure !== undefined) throw new BuildError('the native addon was built, but cannot be loaded.', failure)
  writeStamp(join(directory, STAMP), stamp)
}

/**
 * What goes wrong when the addon is loaded. A symbol that is defined nowhere is no error to the linker of a shared
 * library: only loading finds it.
 *
 * @param {string} path
 * @returns {Promise<string | undefined>}
 */
async function loadFailure(path) {
  const load = 'try { require(process.argv[1]) } catch (error) { console.error(error.message); process.exit(1) }'
  const { status, output } = await run(process.execPath, ['-e', load, path])
  return status === 0 ? undefined : output
}

/**
 * @param {string} root
 * @param {import('./lib/toolchain.mjs').Toolchain} toolchain
 */
function environmentOf(root, toolchain) {
  const { CFLAGS = '', CXXFLAGS = '', CPPFLAGS = '', LDFLAGS = '' } = process.env
  return [
    `${process.platform}-${process.arch} node ${process.version} ${process.execPath}`,
    toolchainIdentity(toolchain),
    packageVersions(root, ['node-addon-api', 'xxhash-addon']),
    [CFLAGS, CXXFLAGS, CPPFLAGS, LDFLAGS].join('|'),
  ].join('\n')
}

/** @param {string} root */
function inputsOf(root) {
  // An installed package has no binding.gyp.
  const gyp = ['binding.gyp', 'scripts/gyp.mjs'].filter(file => existsSync(join(root, file)))
  const native = ['native', 'bench'].flatMap(directory => listFiles(root, directory, ['.cc', '.h', '.gypi']))
  const files = [...native, ...gyp]
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return `${version} ${hashFiles(root, files)}`
}
