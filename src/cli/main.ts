#!/usr/bin/env node
import { handleCrashes } from './crash.ts'
import { nodeProblem } from './package-info.ts'

const problem = nodeProblem(process.versions.node)
if (problem === undefined) {
  handleCrashes('limpet')
  // Later: an old Node may not even load what the commands need.
  const [{ runCli }, { processIo }] = await Promise.all([import('./program.ts'), import('./io.ts')])
  // Everything was written; what else could be open, like standard input, shall not keep the process.
  process.exit(await runCli(process.argv.slice(2), processIo()))
} else {
  console.error(`limpet: ${problem}`)
  process.exitCode = 1
}
