import { buildNative } from '../build-native.mjs'
import { buildDist } from './build-dist.mjs'
import { placePrebuild } from './prebuild.mjs'
import { runMain } from './report.mjs'

/**
 * `[--native] [--debug] [--force]`: builds what is not up to date. `--native`: only the addon; `--force`: everything anew.
 *
 * @param {readonly string[]} args
 */
export function buildMain(args) {
  const only = args.includes('--native')
  const force = args.includes('--force')
  return runMain(async () => {
    const debug = args.includes('--debug')
    const { path, built } = await buildNative({ debug, force, verify: only, programs: !only })
    const compiled = !only && (await buildDist({ force }))
    if (!only && !debug) await placePrebuild(path)
    if (built || compiled) console.log('limpet: built.')
    else if (only) console.log('limpet: the native addon is up to date.')
  })
}
