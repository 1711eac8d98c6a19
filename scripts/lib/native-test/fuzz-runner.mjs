import { mkdirSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { ROOT } from '../paths.mjs'
import { run } from '../run.mjs'
import { FUZZER } from './sanitizers.mjs'

const SEEDS = join('test', 'fuzz', 'corpus')
const FOUND = join('build', 'fuzz', 'corpus')
const FAILED = join('build', 'fuzz', 'failed')

// One input takes milliseconds.
const INPUT_TIMEOUT_S = 10
// For reading what earlier runs found, and for the report at the end.
const GRACE_MS = 120_000
const SHOWN_LINES = 80

/** Runs fuzz targets, one line each, and counts those that held. */
export class FuzzRunner {
  #seconds
  #input
  #totals

  /**
   * @param {{ seconds: number, input: string | undefined }} options `input`: a file, instead of a search
   * @param {import('../totals.mjs').Totals} totals
   */
  constructor({ seconds, input }, totals) {
    this.#seconds = seconds
    this.#input = input
    this.#totals = totals
  }

  /**
   * @param {string} target
   * @param {string} executable
   */
  async run(target, executable) {
    const name = basename(target, '.cc')
    const args = this.#input === undefined ? this.#search(name) : [this.#input]
    const env = { ...process.env, ...FUZZER.env }
    const timeoutMs = this.#seconds * 1000 + GRACE_MS
    const { problem, input, summary } = judge(await run(executable, args, { cwd: ROOT, env, timeoutMs }))
    if (problem === undefined) {
      this.#totals.passed++
      console.log(`fuzz ${name}: ${summary}`)
      return
    }
    this.#totals.failures.push(`fuzz ${name}: ${problem}`)
    const file = input ?? (this.#input && relative(ROOT, this.#input))
    const again = file && `; again: npm run test:fuzz -- --filter ${name} --input ${file}`
    console.log(`${summary}\nfuzz ${name}: FAILED, ${problem}${again ?? ''}`)
  }

  /** @param {string} name */
  #search(name) {
    const found = join(FOUND, name)
    for (const directory of [found, FAILED, join(SEEDS, name)]) mkdirSync(join(ROOT, directory), { recursive: true })
    return [
      `-max_total_time=${this.#seconds}`,
      `-timeout=${INPUT_TIMEOUT_S}`,
      `-artifact_prefix=${join(FAILED, `${name}-`)}`,
      '-print_final_stats=1',
      // Weighing features by how rare they are takes half the time of a target with many of them (Clang 14).
      '-entropic=0',
      // The first takes what is new.
      found,
      join(SEEDS, name),
    ]
  }
}

/**
 * What a target ended with. A search that ran no input, or said nothing, has failed, too.
 *
 * @param {import('../run.mjs').RunResult} result
 * @returns {{ problem?: string, input?: string, summary: string }} `summary`: of a failure, the end of what it wrote;
 *   `input`: the file that makes it fail, relative to the root
 */
export function judge({ status, output, timedOut }) {
  const input = /Test unit written to (.+)$/m.exec(output)?.[1]
  const problem = problemOf(status, timedOut, output)
  if (problem !== undefined) {
    const summary = output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n')
    return { problem, summary, ...(input === undefined ? {} : { input }) }
  }
  const executed = executedInputs(output)
  if (executed === undefined) return { summary: 'well' }
  const speed = /^stat::average_exec_per_sec:\s+(\d+)$/m.exec(output)?.[1]
  const coverage = [...output.matchAll(/ cov: (\d+) ft: \d+ corp: (\d+)/g)].at(-1)
  return { summary: `${executed} inputs, ${speed} a second; ${coverage?.[1]} edges, ${coverage?.[2]} inputs kept` }
}

/**
 * @param {number} status
 * @param {boolean} timedOut
 * @param {string} output
 */
function problemOf(status, timedOut, output) {
  if (timedOut) return 'it does not end'
  if (status !== 0) return `exit status ${status}`
  const ran = (executedInputs(output) ?? 0) > 0 || /^Executed .+ in \d+ ms$/m.test(output)
  return ran ? undefined : 'it ran no input'
}

/** @param {string} output */
function executedInputs(output) {
  const executed = /^stat::number_of_executed_units:\s+(\d+)$/m.exec(output)?.[1]
  return executed === undefined ? undefined : Number(executed)
}
