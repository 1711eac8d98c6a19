// Brings docs/performance.md, its plots and the table of the README in step with the reports in docs/data.
//   node scripts/bench-docs.mjs [REPORT…]   takes these report.json files (or report folders) into docs/data first
//   node scripts/bench-docs.mjs --check     writes nothing, and fails if something is out of step
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { register } from 'tsx/esm/api'
import { ROOT } from './lib/paths.mjs'

const DATA = join(ROOT, 'docs', 'data')
const PLOTS = join(ROOT, 'docs', 'plots')

const unregister = register()
const { readResult } = await import('../src/bench/read-result.ts')
const { resultText } = await import('../src/bench/report/folder.ts')
const page = await import('../src/bench/page.ts')
await unregister()

const args = process.argv.slice(2)
const isCheck = args.includes('--check')

for (const path of args.filter(arg => arg !== '--check')) {
  const result = await readResult(path)
  mkdirSync(DATA, { recursive: true })
  writeFileSync(join(DATA, `${result.bench}.json`), resultText(result))
}

const names = readdirSync(DATA).filter(name => name.endsWith('.json'))
const results = await Promise.all(names.sort().map(name => readResult(join(DATA, name))))

/** @type {Map<string, string>} */
const files = new Map(page.performancePlots(results).map(({ name, svg }) => [join(PLOTS, name), svg]))
for (const [name, text] of [
  ['docs/performance.md', page.performanceSection(results)],
  ['README.md', page.readmeSection(results)],
]) {
  const path = join(ROOT, name ?? '')
  files.set(path, page.withSection(readFileSync(path, 'utf8'), text ?? ''))
}

const outdated = [...files].filter(([path, text]) => current(path) !== text).map(([path]) => path)
const left = present(PLOTS).filter(path => !files.has(path))

if (!isCheck) {
  mkdirSync(PLOTS, { recursive: true })
  for (const path of outdated) writeFileSync(path, files.get(path) ?? '')
  for (const path of left) rmSync(path)
} else if (outdated.length + left.length > 0) {
  console.error(`out of step with docs/data: ${[...outdated, ...left].join(', ')}; run npm run bench:docs`)
  process.exitCode = 1
}

/** @param {string} path */
function current(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

/** @param {string} directory */
function present(directory) {
  return existsSync(directory) ? readdirSync(directory).map(name => join(directory, name)) : []
}
