// Compiles native/core and native/protocol with each target of test/fuzz under libFuzzer, ASan and UBSan, and runs each
// for a while from the seeds in test/fuzz/corpus. What a run finds on the way stays in build/fuzz, where the next run
// begins.
//
//   node scripts/fuzz.mjs [--seconds N] [--filter TEXT] [--jobs N] [--input FILE]
//
// --input: no search, only this input; for what a failed run left.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { findFuzzCompiler } from './lib/native-test/compiler.mjs'
import { FuzzRunner } from './lib/native-test/fuzz-runner.mjs'
import { listCoreUnits, listFuzzTargets } from './lib/native-test/layout.mjs'
import { ProgramBuilder } from './lib/native-test/program-builder.mjs'
import { FUZZER } from './lib/native-test/sanitizers.mjs'
import { BuildError, runMain } from './lib/report.mjs'
import { forEachParallel } from './lib/run.mjs'
import { Totals } from './lib/totals.mjs'

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '20' },
      filter: { type: 'string', default: '' },
      jobs: { type: 'string', default: '2' },
      input: { type: 'string' },
    },
  })
  const targets = listFuzzTargets().filter(target => target.includes(values.filter))
  if (targets.length === 0) throw new BuildError(`no target of test/fuzz matches "${values.filter}".`)
  const seconds = Number(values.seconds)
  // libFuzzer takes 0 for "without end".
  if (!Number.isInteger(seconds) || seconds < 1) throw new BuildError('--seconds takes a whole number from 1 on.')
  const input = values.input === undefined ? undefined : resolve(values.input)
  if (input !== undefined && !existsSync(input)) throw new BuildError(`there is no file ${input}.`)
  const jobs = Math.max(1, Number.parseInt(values.jobs, 10) || 1)

  const builder = new ProgramBuilder(await findFuzzCompiler(), 'fuzz', FUZZER.flags)
  const units = listCoreUnits()
  await forEachParallel([...units, ...targets], jobs, file => builder.compile(file))
  await forEachParallel(targets, jobs, target => builder.link(target, units))
  const totals = new Totals()
  const runner = new FuzzRunner({ seconds, input }, totals)
  await forEachParallel(targets, jobs, target => runner.run(target, builder.executable(target)))
  totals.report()
})
