import { basename } from 'node:path'
import { ROOT } from '../paths.mjs'
import { run } from '../run.mjs'
import { launcher } from './sanitizers.mjs'

const TIMEOUT_MS = 600_000
const FAILED = /^FAIL (.+) \(\d+\.\d+ s\)$/gm
const SUMMARY = /^(\d+) passed, (\d+) failed$/gm

/** Runs test programs and adds up what they report. */
export class ProgramRunner {
  #name
  #sanitizer
  #totals

  /**
   * @param {string} name of the sanitizer
   * @param {import('./sanitizers.mjs').Sanitizer} sanitizer
   * @param {import('../totals.mjs').Totals} totals
   */
  constructor(name, sanitizer, totals) {
    this.#name = name
    this.#sanitizer = sanitizer
    this.#totals = totals
  }

  /**
   * @param {string} program
   * @param {string} executable
   */
  async run(program, executable) {
    const [command = executable, ...args] = [...(await launcher(this.#sanitizer)), executable]
    const env = { ...process.env, ...this.#sanitizer.env }
    const started = performance.now()
    const result = await run(command, args, { cwd: ROOT, env, timeoutMs: TIMEOUT_MS })
    const { passed, failures } = judge(result)
    const title = `${this.#name} ${basename(program, '.cc')}`
    this.#totals.add({ passed, failures: failures.map(failure => `${title}: ${failure}`) })
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    if (failures.length > 0) console.log(result.output.trimEnd())
    console.log([`${title}: ${passed} passed, ${failures.length} failed (${seconds} s)`, ...failures].join('\n  '))
  }
}

/**
 * A program that ends badly counts as a failure, also if all its tests passed, or none ran.
 *
 * @param {import('../run.mjs').RunResult} result
 * @returns {{ passed: number, failures: string[] }}
 */
export function judge({ status, output, timedOut }) {
  const summary = [...output.matchAll(SUMMARY)].at(-1)
  const passed = Number(summary?.[1] ?? 0)
  const failures = [...output.matchAll(FAILED)].map(([, name = '']) => name)
  const problem = problemOf(status, timedOut, summary !== undefined, passed + failures.length)
  // A failed test makes the exit status 1, and needs no second line.
  const isKnown = failures.length > 0 && status === 1
  return { passed, failures: problem === undefined || isKnown ? failures : [...failures, problem] }
}

/**
 * @param {number} status
 * @param {boolean} timedOut
 * @param {boolean} reported
 * @param {number} tests
 */
function problemOf(status, timedOut, reported, tests) {
  if (timedOut) return `killed after ${TIMEOUT_MS / 1000} s`
  if (status !== 0) return `exit status ${status}`
  if (!reported) return 'it printed no "N passed, N failed"'
  return tests === 0 ? 'it ran no test' : undefined
}
