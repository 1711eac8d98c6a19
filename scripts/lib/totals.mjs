import { writeFileSync } from 'node:fs'

/** What the tests of a run came to. */
export class Totals {
  passed = 0
  /** A line for each failed test. @type {string[]} */
  failures = []

  /** @param {{ passed: number, failures: readonly string[] }} more */
  add({ passed, failures }) {
    this.passed += passed
    this.failures.push(...failures)
  }

  /**
   * Ends the run: prints the counts; leaves them, with the failures, for the program that started it, which names the
   * file in LIMPET_TEST_TOTALS; the exit status is 1 if anything failed.
   */
  report() {
    const { passed, failures } = this
    const file = process.env.LIMPET_TEST_TOTALS
    if (file) writeFileSync(file, `${[`${passed} ${failures.length}`, ...failures].join('\n')}\n`)
    console.log(`${passed} passed, ${failures.length} failed`)
    if (failures.length > 0) process.exitCode = 1
  }
}
