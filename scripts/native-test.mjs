// Compiles native/core, native/protocol, native/relay and native/os with each program of test/native, without Node-API,
// under sanitizers, and runs them. Every test/native/*_test.cc is one program; at its end it prints `N passed, N failed`.
//
//   node scripts/native-test.mjs [--filter TEXT] [--sanitizer asan|tsan] [--jobs N]
import { parseArgs } from 'node:util'
import { findTestCompiler } from './lib/native-test/compiler.mjs'
import { listPrograms, listUnits } from './lib/native-test/layout.mjs'
import { ProgramBuilder } from './lib/native-test/program-builder.mjs'
import { ProgramRunner } from './lib/native-test/program-runner.mjs'
import { SANITIZERS } from './lib/native-test/sanitizers.mjs'
import { BuildError, runMain } from './lib/report.mjs'
import { forEachParallel } from './lib/run.mjs'
import { Totals } from './lib/totals.mjs'

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      filter: { type: 'string', default: '' },
      sanitizer: { type: 'string', default: Object.keys(SANITIZERS).join(',') },
      jobs: { type: 'string', default: '2' },
    },
  })
  const programs = listPrograms().filter(program => program.includes(values.filter))
  if (programs.length === 0) throw new BuildError(`no program of test/native matches "${values.filter}".`)
  const jobs = Math.max(1, Number.parseInt(values.jobs, 10) || 1)
  const totals = new Totals()
  for (const name of values.sanitizer.split(',')) await testUnder(name, programs, jobs, totals)
  totals.report()
})

/**
 * @param {string} name of the sanitizer
 * @param {readonly string[]} programs
 * @param {number} jobs
 * @param {Totals} totals
 */
async function testUnder(name, programs, jobs, totals) {
  const sanitizer = SANITIZERS[name]
  if (!sanitizer)
    throw new BuildError(`there is no sanitizer "${name}"; known are ${Object.keys(SANITIZERS).join(', ')}.`)
  const builder = new ProgramBuilder(await findTestCompiler(), name, sanitizer.flags)
  const units = listUnits()
  await forEachParallel([...units, ...programs], jobs, file => builder.compile(file))
  await forEachParallel(programs, jobs, program => builder.link(program, units))
  const runner = new ProgramRunner(name, sanitizer, totals)
  await forEachParallel(programs, jobs, program => runner.run(program, builder.executable(program)))
}
