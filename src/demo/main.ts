#!/usr/bin/env node
import { CliError } from '../cli/cli-error.ts'
import { handleCrashes } from '../cli/crash.ts'
import { nodeProblem } from '../package-info.ts'

/** Shows what Limpet does, with three backends in this process; returns the exit status. */
async function main(): Promise<number> {
  const { demo } = await import('./demo.ts')
  const { StopSignals } = await import('../cli/signals.ts')
  const { Terminal } = await import('../cli/terminal.ts')
  const stdout = new Terminal(process.stdout, process.env)
  const signals = new StopSignals(process)
  try {
    return await demo({ stdin: process.stdin, stdout, env: process.env, signals })
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    console.error(`limpet demo: ${error.message}`)
    return error.exitCode
  }
}

const problem = nodeProblem(process.versions.node)
if (problem === undefined) {
  handleCrashes('limpet demo')
  process.exit(await main())
} else {
  console.error(`limpet demo: ${problem}`)
  process.exitCode = 1
}
