import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BuildError } from './report.mjs'

const PLOTS = join('bench', 'report', 'echarts')
/** What the bundle holds, with the files that must go along with it; tslib (0BSD) asks for none. */
const BUNDLED = { echarts: ['LICENSE', 'NOTICE'], zrender: ['LICENSE'] }

/**
 * Puts the parts of the plotting library that are used into the one module that uses it, so that an installed package
 * needs no other for its plots; and beside it the licences.
 *
 * @param {string} root
 * @param {string} dist the compiled JavaScript
 */
export async function bundlePlots(root, dist) {
  const entry = join(root, 'src', `${PLOTS}.ts`)
  if (!existsSync(entry)) return
  const require = createRequire(join(root, 'package.json'))
  const { build } = await importFrom(require, 'esbuild')
  const licences = `${PLOTS}.licences.txt`
  await build({
    entryPoints: [entry],
    outfile: join(dist, `${PLOTS}.js`),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'node20',
    legalComments: 'none',
    banner: { js: `// Holds parts of Apache ECharts and zrender; their licences are in echarts.licences.txt.` },
    logLevel: 'silent',
  }).catch((/** @type {Error} */ error) => {
    throw new BuildError('the plots could not be bundled; the cause is above.', error.message)
  })
  writeFileSync(join(dist, licences), licencesText(require))
}

/**
 * @param {NodeJS.Require} require
 * @param {string} name
 * @returns {Promise<typeof import('esbuild')>}
 */
async function importFrom(require, name) {
  try {
    return await import(pathToFileURL(require.resolve(name)).href)
  } catch (error) {
    throw new BuildError(`${name} is not installed; run npm ci (without --omit=dev) first.`, String(error))
  }
}

/** @param {NodeJS.Require} require */
function licencesText(require) {
  return Object.entries(BUNDLED)
    .flatMap(([name, files]) => {
      const directory = dirname(require.resolve(`${name}/package.json`))
      return files.map(file => `${name}: ${file}\n\n${readFileSync(join(directory, file), 'utf8').trimEnd()}\n`)
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}
