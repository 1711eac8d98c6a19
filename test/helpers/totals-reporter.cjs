// The usual report, and the counts for the program that started the run, in the file that LIMPET_TEST_TOTALS names.
// CommonJS, because mocha loads reporters by require().
const { writeFileSync } = require('node:fs')
const { reporters } = require('mocha')

class TotalsReporter extends reporters.Spec {
  /** @param {import('mocha').Runner} runner @param {import('mocha').MochaOptions} options */
  constructor(runner, options) {
    super(runner, options)
    runner.once('end', () => {
      const { passes, failures } = this.stats
      writeFileSync(process.env.LIMPET_TEST_TOTALS ?? '', `${passes} ${failures}\n`)
    })
  }
}

module.exports = TotalsReporter
