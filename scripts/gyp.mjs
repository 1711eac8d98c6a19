// Values for the files of gyp, which run this one with the name of one of them. Paths are relative to the current
// directory, where gyp looks for them from; one a line.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { ROOT } from './lib/paths.mjs'

const require = createRequire(import.meta.url)

/** @type {Record<string, (...args: string[]) => string[]>} */
const values = {
  core: () => ['native/core', 'native/protocol'].flatMap(sourcesOf),
  sources: () => {
    const parts = process.platform === 'linux' ? ['native/relay', 'native/os', 'native/addon'] : ['native/addon']
    return parts.flatMap(sourcesOf)
  },
  bench: (program = '') => sourcesOf(`bench/${program}`),
  includes: () => {
    const napi = dirname(require.resolve('node-addon-api/package.json'))
    const xxhash = join(dirname(require.resolve('xxhash-addon/package.json')), 'xxHash')
    return [napi, xxhash].map(here)
  },
  version: () => [JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version],
}

/** @param {string} part of the project */
function sourcesOf(part) {
  const directory = join(ROOT, part)
  const names = readdirSync(directory).filter(name => name.endsWith('.cc'))
  return names.sort().map(name => here(join(directory, name)))
}

/** @param {string} path */
function here(path) {
  return relative('.', path).replaceAll('\\', '/')
}

const [name = '', ...args] = process.argv.slice(2)
const value = values[name]
if (!value) throw new RangeError(`usage: node scripts/gyp.mjs ${Object.keys(values).join('|')}`)
console.log(value(...args).join('\n'))
