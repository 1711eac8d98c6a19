// The usual report; and for the program that started the run, in the file that LIMPET_TEST_TOTALS names, the counts and
// then a line for each failed test.
// CommonJS, because mocha loads reporters by require().
const { writeFileSync } = require('node:fs')
const { reporters } = require('mocha')

class TotalsReporter extends reporters.Spec {
  /** @param {import('mocha').Runner} runner @param {import('mocha').MochaOptions} options */
  constructor(runner, options) {
    super(runner, options)
    /** @type {string[]} */
    const failed = []
    runner.on('fail', (test, error) => failed.push(`${test.fullTitle()}: ${String(error.message).split('\n')[0]}`))
    runner.once('end', () => {
      const { passes, failures } = this.stats
      writeFileSync(process.env.LIMPET_TEST_TOTALS ?? '', `${[`${passes} ${failures}`, ...failed].join('\n')}\n`)
    })
  }
}

module.exports = TotalsReporter
