import { basename } from 'node:path'
import { ROOT } from '../paths.mjs'
import { run } from '../run.mjs'
import { launcher } from './sanitizers.mjs'

const TIMEOUT_MS = 600_000
const SUMMARY = /^(\d+) passed, (\d+) failed$/gm

/** Runs test programs and adds up what they report. */
export class ProgramRunner {
  totals = { passed: 0, failed: 0 }
  #name
  #sanitizer

  /**
   * @param {string} name of the sanitizer
   * @param {import('./sanitizers.mjs').Sanitizer} sanitizer
   */
  constructor(name, sanitizer) {
    this.#name = name
    this.#sanitizer = sanitizer
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
    const { passed, failed, problem } = judge(result)
    this.totals.passed += passed
    this.totals.failed += failed
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    if (failed > 0) console.log(result.output.trimEnd())
    const note = problem ? `: ${problem}` : ''
    console.log(`${this.#name} ${basename(program, '.cc')}: ${passed} passed, ${failed} failed (${seconds} s)${note}`)
  }
}

/**
 * A program that ends badly counts as a failure, also if all its tests passed, or none ran.
 *
 * @param {import('../run.mjs').RunResult} result
 * @returns {{ passed: number, failed: number, problem?: string }}
 */
export function judge({ status, output, timedOut }) {
  const summary = [...output.matchAll(SUMMARY)].at(-1)
  const passed = Number(summary?.[1] ?? 0)
  const failed = Number(summary?.[2] ?? 0)
  const problem = problemOf(status, timedOut, summary !== undefined, passed + failed)
  if (problem === undefined) return { passed, failed }
  return { passed, failed: Math.max(failed, 1), problem }
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
