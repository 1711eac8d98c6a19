// Values for binding.gyp, which runs this file with the name of one of them. Paths are relative to the current
// directory, where gyp looks for them from; one a line.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { ROOT } from './lib/paths.mjs'

const require = createRequire(import.meta.url)

/** @type {Record<string, () => string[]>} */
const values = {
  sources: () => {
    const parts = process.platform === 'linux' ? ['core', 'relay', 'addon'] : ['core', 'addon']
    return parts.flatMap(sourcesOf)
  },
  includes: () => {
    const napi = dirname(require.resolve('node-addon-api/package.json'))
    const xxhash = join(dirname(require.resolve('xxhash-addon/package.json')), 'xxHash')
    return [napi, xxhash].map(here)
  },
  version: () => [JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version],
}

/** @param {string} part */
function sourcesOf(part) {
  const directory = join(ROOT, 'native', part)
  const names = readdirSync(directory).filter(name => name.endsWith('.cc'))
  return names.sort().map(name => here(join(directory, name)))
}

/** @param {string} path */
function here(path) {
  return relative('.', path).replaceAll('\\', '/')
}

const value = values[process.argv[2] ?? '']
if (!value) throw new RangeError(`usage: node scripts/gyp.mjs ${Object.keys(values).join('|')}`)
console.log(value().join('\n'))
