// What `npm test` runs: everything but the long counts (.mocharc.soak.cjs) and the tarball (.mocharc.package.cjs).

// Mocha adds the files of the command line to those of its configuration; whoever names files wants only them.
const named = process.argv.slice(2).some(argument => /^(\.\/)?test\/|\.test\.ts$/.test(argument))

/** @param {string[]} spec */
const unlessNamed = spec => (named ? [] : spec)

module.exports = {
  'node-option': ['import=tsx'],
  extension: ['ts'],
  spec: unlessNamed(['test/**/*.test.ts']),
  ignore: ['test/**/*.soak.test.ts', 'test/package/**'],
  reporter: process.env.LIMPET_TEST_TOTALS ? './test/helpers/totals-reporter.cjs' : 'spec',
  // A test that hangs is found in this time. Machines are shared: what takes 8 s alone has been seen to take 27.
  timeout: 180_000,
  slow: 2_000,
  // Half of a test's time is waiting: files side by side use both cores. A named file runs in this process, for a debugger.
  parallel: !named,
  jobs: 3,
  'forbid-only': Boolean(process.env.CI),
}
