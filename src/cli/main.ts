#!/usr/bin/env node
import { nodeProblem } from '../package-info.ts'
import { handleCrashes } from './crash.ts'
import { stopEarly } from './early-signals.ts'

const problem = nodeProblem(process.versions.node)
if (problem === undefined) {
  handleCrashes('limpet')
  const args = process.argv.slice(2)
  // Other commands have nothing to finish: a signal ends them as it ends every program.
  if (args[0] === 'run') stopEarly(args)
  // Later: an old Node may not even load what the commands need.
  const [{ runCli }, { processIo }] = await Promise.all([import('./program.ts'), import('./io.ts')])
  // Everything was written; what else could be open, like standard input, shall not keep the process.
  process.exit(await runCli(args, processIo()))
} else {
  console.error(`limpet: ${problem}`)
  process.exitCode = 1
}
