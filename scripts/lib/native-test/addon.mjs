import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from '../paths.mjs'
import { BuildError } from '../report.mjs'

/** The directory of Node's headers: beside its program, or where node-gyp has put them. */
export function nodeHeaders() {
  const beside = join(dirname(dirname(process.execPath)), 'include', 'node')
  const cached = join(homedir(), '.cache', 'node-gyp', process.versions.node, 'include', 'node')
  const found = [beside, cached].find(directory => existsSync(join(directory, 'node_api.h')))
  if (!found) throw new BuildError('the headers of Node were not found; `npm run build:native` fetches them.')
  return found
}

/** What native/addon.gypi defines. */
export function addonDefines() {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return [
    '-DNAPI_VERSION=9',
    '-DNAPI_DISABLE_CPP_EXCEPTIONS',
    '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
    '-DBUILDING_NODE_EXTENSION',
    `-DLIMPET_VERSION="${version}"`,
  ]
}
