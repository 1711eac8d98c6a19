import { writeFileSync } from 'node:fs'

/**
 * Leaves the counts of a test run for the program that started it, which names the file in LIMPET_TEST_TOTALS.
 *
 * @param {{ passed: number, failed: number }} totals
 */
export function writeTotals(totals) {
  const file = process.env.LIMPET_TEST_TOTALS
  if (file) writeFileSync(file, `${totals.passed} ${totals.failed}\n`)
}
