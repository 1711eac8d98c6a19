// Loads a TypeScript module of this repository as the JavaScript that esbuild makes of it, which is kept in
// build/test-modules: the tests start hundreds of processes, and each loads more than a hundred modules. Nothing has to be
// resolved, because imports name the file with its `.ts`.
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../../', import.meta.url).href
const KEPT = new URL('build/test-modules/', ROOT).href
/** @type {import('esbuild').TransformOptions} */
const OPTIONS = { loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline' }

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  const [path = ''] = url.split(/[?#]/)
  const isOurs = path.endsWith('.ts') && path.startsWith(ROOT) && !path.includes('/node_modules/')
  if (!isOurs) return await nextLoad(url, context)
  return { format: 'module', source: await javaScriptOf(path), shortCircuit: true }
}

/** @param {string} url */
async function javaScriptOf(url) {
  const source = readFileSync(new URL(url))
  // At the end, where it moves no line.
  const mark = `\n//${createHash('sha1').update(source).digest('base64url')}`
  const kept = fileURLToPath(`${KEPT}${url.slice(ROOT.length)}.mjs`)
  const known = contentOf(kept)
  if (known?.endsWith(mark)) return known
  const { transformSync } = await import('esbuild')
  // A process for each file, which is gone afterwards: a service of esbuild would be a child and descriptors of a test.
  const code = transformSync(source, { ...OPTIONS, sourcefile: fileURLToPath(url) }).code + mark
  keep(kept, code)
  return code
}

/** @param {string} file */
function contentOf(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Not made yet, or not readable for whom a test has become: it is made again.
    return undefined
  }
}

/**
 * Other processes may write the same file at the same time.
 *
 * @param {string} file
 * @param {string} code
 */
function keep(file, code) {
  const beside = `${file}.${randomUUID()}`
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(beside, code)
    renameSync(beside, file)
  } catch {
    // A test that has given up its privileges, or whose file system is read-only, does without.
  }
}
