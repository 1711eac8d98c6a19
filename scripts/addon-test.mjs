// Runs tests of the relay inside Node with an addon that is compiled under sanitizers: what the plain C++ programs of
// test/native cannot see is how the threads live beside Node's, and what crosses from JavaScript.
//
//   node scripts/addon-test.mjs [--sanitizer asan|tsan] [FILE...]
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { addonDefines, nodeHeaders } from './lib/native-test/addon.mjs'
import { findAddonTestCompiler, sharedRuntime } from './lib/native-test/compiler.mjs'
import { addonIncludeFlags, listAddonUnits } from './lib/native-test/layout.mjs'
import { ProgramBuilder } from './lib/native-test/program-builder.mjs'
import { launcher, SANITIZERS } from './lib/native-test/sanitizers.mjs'
import { ROOT } from './lib/paths.mjs'
import { BuildError, runMain } from './lib/report.mjs'
import { forEachParallel, run } from './lib/run.mjs'
import { Totals } from './lib/totals.mjs'

const FILES = ['bytes', 'half-close', 'limits', 'redispatch', 'reset', 'timeouts', 'handle'].map(
  name => `test/relay/${name}.test.ts`,
)
const TIMEOUT_MS = 600_000

await runMain(async () => {
  const { values, positionals } = parseArgs({
    options: { sanitizer: { type: 'string', default: Object.keys(SANITIZERS).join(',') } },
    allowPositionals: true,
  })
  const files = positionals.length > 0 ? positionals : [...FILES, 'test/lifecycle/acceptor.test.ts']
  const totals = new Totals()
  for (const name of values.sanitizer.split(',')) totals.add(await testUnder(name, files))
  totals.report()
})

/**
 * @param {string} name of the sanitizer
 * @param {readonly string[]} files
 * @returns {Promise<{ passed: number, failures: string[] }>}
 */
async function testUnder(name, files) {
  const sanitizer = SANITIZERS[name]
  if (!sanitizer)
    throw new BuildError(`there is no sanitizer "${name}"; known are ${Object.keys(SANITIZERS).join(', ')}.`)
  const compiler = await findAddonTestCompiler()
  const addon = await build(compiler, name, sanitizer)
  const mocha = join(ROOT, 'node_modules', 'mocha', 'bin', 'mocha.js')
  const report = join(ROOT, 'build', 'native-test', `addon-${name}`, 'totals')
  rmSync(report, { force: true })
  const [command = '', ...args] = [...(await launcher(sanitizer)), process.execPath, mocha, ...files]
  const env = {
    ...process.env,
    ...sanitizer.env,
    // V8 and Node leave memory to the system when they end, and their own synchronisation is not compiled to be seen.
    ASAN_OPTIONS: 'detect_leaks=0',
    TSAN_OPTIONS: `${sanitizer.env.TSAN_OPTIONS ?? ''}:ignore_noninstrumented_modules=1`,
    LD_PRELOAD: await sharedRuntime(compiler, name),
    LIMPET_ADDON: addon,
    LIMPET_TEST_TOTALS: report,
  }
  const { status, output, timedOut } = await run(command, args, { cwd: ROOT, env, timeoutMs: TIMEOUT_MS })
  const { passed, failures } = readTotals(report)
  // A report of a sanitizer in a child process, which the test itself may have taken for the end that it expected.
  const [reported] = /^.*(?:(?:ERROR|WARNING): \w+Sanitizer|runtime error:).*$/m.exec(output) ?? []
  if (reported !== undefined) failures.push(reported)
  if (timedOut) failures.push(`killed after ${TIMEOUT_MS / 1000} s`)
  if (failures.length === 0 && (status !== 0 || passed === 0)) failures.push(`status ${status}, ${passed} tests`)
  if (failures.length > 0) console.log(output.trimEnd())
  console.log(`${name} addon inside Node: ${passed} passed, ${failures.length} failed`)
  return { passed, failures: failures.map(failure => `${name} addon: ${failure}`) }
}

/**
 * @param {string} compiler
 * @param {string} name
 * @param {import('./lib/native-test/sanitizers.mjs').Sanitizer} sanitizer
 */
async function build(compiler, name, sanitizer) {
  const flags = [...sanitizer.flags, '-fPIC']
  const includes = [...addonIncludeFlags(nodeHeaders()), ...addonDefines()]
  const builder = new ProgramBuilder(compiler, `addon-${name}`, flags, includes)
  const units = listAddonUnits()
  await forEachParallel(units, 2, unit => builder.compile(unit))
  return builder.linkShared('limpet.node', units)
}

/**
 * What test/helpers/totals-reporter.cjs left.
 *
 * @param {string} file
 */
function readTotals(file) {
  try {
    const [counts = '', ...failures] = readFileSync(file, 'utf8').trimEnd().split('\n')
    return { passed: Number(counts.split(' ')[0]), failures }
  } catch {
    // It did not come to its end; the output says why.
    return { passed: 0, failures: [] }
  }
}
