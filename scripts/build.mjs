#!/usr/bin/env node
// The build, and the entry of npm's `prepare`. Only this file and node-version.mjs are read before the version of Node
// is known to be good, so both keep to syntax and modules that Node 14 has; everything else is imported later.
import { nodeProblem } from './lib/node-version.mjs'

const problem = nodeProblem(process.versions.node)
if (problem) {
  console.error(problem)
  process.exitCode = 1
} else {
  import('./lib/build-main.mjs').then(main => main.buildMain(process.argv.slice(2)))
}
