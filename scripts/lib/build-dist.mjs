import { chmodSync, cpSync, existsSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { bundlePlots } from './bundle.mjs'
import { withLock } from './lock.mjs'
import { ROOT } from './paths.mjs'
import { BuildError } from './report.mjs'
import { run } from './run.mjs'
import { hashFiles, listFiles, packageVersions, readStamp, writeStamp } from './stamp.mjs'

const STAMP = join('build', 'dist.stamp.json')
/** The page that the admin listener serves: browsers read it as it is. */
const PAGE = join('src', 'dashboard')
const CONFIGURATIONS = ['tsconfig.json', 'tsconfig.build.json', 'scripts/build-native.d.mts']

/**
 * Compiles src to dist, unless that is up to date.
 *
 * @param {{ force?: boolean, root?: string, log?: (line: string) => void }} [options]
 * @returns {Promise<boolean>} whether it was built
 */
export async function buildDist({ force = false, root = ROOT, log = console.log } = {}) {
  if (!force && isFresh(root)) return false
  await withLock(join(root, 'build', 'dist.lock'), log, async () => {
    // Whoever held the lock may have built it.
    if (!force && isFresh(root)) return
    log('limpet: compiling the JavaScript …')
    const stamp = stampOf(root)
    await compile(root)
    writeStamp(join(root, STAMP), stamp)
  })
  return true
}

/** @param {string} root */
function stampOf(root) {
  return {
    environment: packageVersions(root, ['typescript', '@types/node', 'esbuild', 'echarts', 'zrender']),
    inputs: hashFiles(root, [...listFiles(root, 'src', ['.ts', '.html', '.css', '.js', '.svg']), ...CONFIGURATIONS]),
  }
}

/** @param {string} root */
function isFresh(root) {
  const previous = readStamp(join(root, STAMP))
  const { environment, inputs } = stampOf(root)
  const same = previous.environment === environment && previous.inputs === inputs
  return same && existsSync(join(root, 'dist', 'index.js'))
}

/**
 * Into a directory of its own, then swapped: no file of a removed source stays, and a failed build leaves the old one.
 *
 * @param {string} root
 */
async function compile(root) {
  const fresh = join(root, 'build', `dist-${process.pid}`)
  try {
    const args = [compilerScript(root), '-p', 'tsconfig.build.json', '--outDir', fresh]
    const { status, output } = await run(process.execPath, args, { cwd: root })
    if (status !== 0) throw new BuildError('the JavaScript could not be built; the cause is above.', output)
    await bundlePlots(root, fresh)
    if (existsSync(join(root, PAGE))) cpSync(join(root, PAGE), join(fresh, 'dashboard'), { recursive: true })
    const commandLine = join(fresh, 'cli', 'main.js')
    if (existsSync(commandLine)) chmodSync(commandLine, 0o755)
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    renameSync(fresh, join(root, 'dist'))
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** @param {string} root */
function compilerScript(root) {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('typescript/package.json')
    return join(dirname(manifest), 'bin', 'tsc')
  } catch (error) {
    throw new BuildError('TypeScript is not installed; run npm ci (without --omit=dev) first.', String(error))
  }
}
