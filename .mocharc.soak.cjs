// What `npm run test:soak` runs: the full counts. These are the tests that choose between a reduced and a full count (they
// import helpers/soak.ts), and the files `*.soak.test.ts`, which have no reduced one.
const { readdirSync, readFileSync } = require('node:fs')
const { join } = require('node:path')
const common = require('./.mocharc.cjs')

process.env.LIMPET_TEST_SOAK = '1'

const tests = join(__dirname, 'test')

/** @param {string} file */
function hasFullCount(file) {
  if (!file.endsWith('.test.ts')) return false
  return file.endsWith('.soak.test.ts') || readFileSync(join(tests, file), 'utf8').includes("/helpers/soak.ts'")
}

module.exports = {
  ...common,
  spec:
    common.spec.length === 0
      ? []
      : readdirSync(tests, { recursive: true })
          .filter(hasFullCount)
          .sort()
          .map(file => join('test', file)),
  ignore: [],
  jobs: 2,
  // After a failure of one of these long runs something may be left open; the verdict must not wait for it.
  exit: true,
  timeout: 600_000,
}
