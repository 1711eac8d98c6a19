// What `npm test` runs: everything but the long counts (.mocharc.soak.cjs) and the tarball (.mocharc.package.cjs).

const { readdirSync } = require('node:fs')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')

// Mocha adds the files of the command line to those of its configuration; whoever names files wants only them.
const named = process.argv.slice(2).some(argument => /^(\.\/)?test\/|\.test\.ts$/.test(argument))

// Begun first, so that none of them still runs alone when the others are done. By what was measured.
const LONGEST = [
  'browser/dashboard',
  'faults/teardown',
  'relay/admission',
  'lifecycle/processes',
  'faults/ports',
  'cli/run',
  'peers/redis',
  'cluster/topologies',
  'cluster/store',
  'faults/pipes',
  'faults/dead-peer',
  'faults/reset-before-accept',
  'discovery/pool',
  'faults/transparent',
  'bench/relay',
  'bench/command',
  'faults/bound',
  'faults/slow-reader',
  'lifecycle/table-crash',
  'lifecycle/ejection',
  'upgrade/takeover',
  'upgrade/load',
  'faults/signals',
  'faults/clock-jump',
  'admin/load',
  'lifecycle/agent',
  'lifecycle/acceptor',
  'bench/load',
  'upgrade/hand-over',
  'unit/config/properties',
  'unit/config/yaml',
  'faults/idle-clients',
  'cli/demo',
  'faults/short-writes',
  'lifecycle/reload-listeners',
  'relay/reset',
  'admin/security',
].map(name => `test/${name}.test.ts`)

/** @param {string} file */
const rank = file => (LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length)

function everyFile() {
  const files = readdirSync(join(__dirname, 'test'), { recursive: true, encoding: 'utf8' })
  const tests = files.filter(file => /(?<!\.soak)\.test\.ts$/.test(file) && !file.startsWith('package/'))
  return tests
    .map(file => `test/${file}`)
    .sort()
    .sort((one, other) => rank(one) - rank(other))
}

module.exports = {
  'node-option': [`import=${pathToFileURL(join(__dirname, 'test/helpers/typescript/register.mjs'))}`],
  ...(named ? {} : { require: ['./test/helpers/typescript/compile-once.ts'] }),
  extension: ['ts'],
  spec: named ? [] : everyFile(),
  ignore: ['test/**/*.soak.test.ts', 'test/package/**'],
  reporter: process.env.LIMPET_TEST_TOTALS ? './test/helpers/totals-reporter.cjs' : 'spec',
  // A test that hangs is found in this time. Machines are shared: what takes 8 s alone has been seen to take 27.
  timeout: 180_000,
  slow: 2_000,
  // More than half of a test's time is waiting: so many files side by side use two cores. A named file runs in this process, for
  // a debugger.
  parallel: !named,
  jobs: 6,
  'forbid-only': Boolean(process.env.CI),
}
