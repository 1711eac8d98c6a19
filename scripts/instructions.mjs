// Counts the instructions of fixed traces through the picker and the relay (test/instructions), and compares them with
// the baseline. Unlike a time, a count does not depend on how busy the machine is. It knows nothing of the kernel's work
// and of caches, so it replaces no benchmark: it notices what was added to the hot path by mistake.
//
//   node scripts/instructions.mjs [--write]
//
// --write: what was counted becomes the baseline.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findAddonTestCompiler } from './lib/native-test/compiler.mjs'
import { listUnits } from './lib/native-test/layout.mjs'
import { ProgramBuilder } from './lib/native-test/program-builder.mjs'
import { findCommand, ROOT } from './lib/paths.mjs'
import { BuildError, runMain } from './lib/report.mjs'
import { forEachParallel, run } from './lib/run.mjs'
import { Totals } from './lib/totals.mjs'

/**
 * `thread`: the one that is counted, in the order in which they begin. `count`: units of the shorter of two runs; the
 * longer has twice as many, and the difference is what a unit costs without what comes before and after.
 */
const TRACES = [
  { name: 'picks', thread: 1, count: 50_000 },
  { name: 'sessions', thread: 2, count: 500 },
  { name: 'round_trips', thread: 2, count: 2000 },
]
const RUNS = 3
const TOLERANCE = 0.03
const TIMEOUT_MS = 300_000
const BASELINE = join(ROOT, 'test', 'instructions', 'baseline.json')
// As native/flags.gypi compiles a release. GCC 12 sees an overlap where strings are added (its bug 105329).
const FLAGS = ['-O3', '-DNDEBUG', '-fvisibility=hidden', '-fstack-protector-strong', '-Wno-restrict']

await runMain(async () => {
  const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
  if (!findCommand('valgrind'))
    throw new BuildError('valgrind was not found; install it (Debian: apt-get install valgrind).')
  const compiler = await findAddonTestCompiler()
  const builder = new ProgramBuilder(compiler, 'instructions', FLAGS)
  await build(builder)
  const machine = { compiler: await majorVersion(compiler), arch: process.arch }
  /** @type {Record<string, number>} */
  const counts = {}
  for (const trace of TRACES) counts[trace.name] = await countUnit(builder.executable(trace.name), trace)
  if (values.write) writeFileSync(BASELINE, `${JSON.stringify({ ...machine, instructions: counts }, null, 2)}\n`)
  judge(machine, counts).report()
})

/** @param {ProgramBuilder} builder */
async function build(builder) {
  const programs = TRACES.map(({ name }) => `test/instructions/${name}.cc`)
  const units = listUnits()
  await forEachParallel([...units, ...programs], 2, file => builder.compile(file))
  await forEachParallel(programs, 2, program => builder.link(program, units))
}

/** @param {string} compiler */
async function majorVersion(compiler) {
  const { output } = await run(compiler, ['-dumpversion'])
  return `g++ ${Number.parseInt(output, 10)}`
}

/**
 * From the median of a few runs of each length. On a busy machine a thread is now and then woken once for two things, or
 * twice for one: the least would hold on to the first, and where that is a short run, what is between the two is too much.
 *
 * @param {string} executable
 * @param {{ thread: number, count: number }} trace
 */
async function countUnit(executable, { thread, count }) {
  const short = await medianOf(() => countRun(executable, thread, count))
  const long = await medianOf(() => countRun(executable, thread, 2 * count))
  return Math.round((long - short) / count)
}

/** @param {() => Promise<number>} counted */
async function medianOf(counted) {
  const counts = []
  for (let i = 0; i < RUNS; i++) counts.push(await counted())
  return counts.sort((left, right) => left - right)[(RUNS - 1) / 2] ?? Number.NaN
}

/**
 * Instructions of one thread of a run.
 *
 * @param {string} executable
 * @param {number} thread
 * @param {number} count
 */
async function countRun(executable, thread, count) {
  const directory = mkdtempSync(join(tmpdir(), 'limpet-instructions-'))
  try {
    const options = ['--tool=callgrind', '--separate-threads=yes', `--callgrind-out-file=${join(directory, 'out')}`]
    const { status, output } = await run('valgrind', [...options, executable, String(count)], { timeoutMs: TIMEOUT_MS })
    if (status !== 0) throw new BuildError(`${executable} ${count} failed under valgrind.`, output)
    const ending = `-${String(thread).padStart(2, '0')}`
    const file = readdirSync(directory).find(name => name.endsWith(ending))
    const [, total] = (file && /^totals: (\d+)$/m.exec(readFileSync(join(directory, file), 'utf8'))) || []
    if (total === undefined)
      throw new BuildError(`callgrind says nothing of thread ${thread} of ${executable}.`, output)
    return Number(total)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * @param {{ compiler: string, arch: string }} machine
 * @param {Record<string, number>} counts
 */
function judge(machine, counts) {
  const baseline = JSON.parse(readFileSync(BASELINE, 'utf8'))
  if (baseline.compiler !== machine.compiler || baseline.arch !== machine.arch) {
    throw new BuildError(
      `the baseline is of ${baseline.compiler} on ${baseline.arch}, this is ${machine.compiler} on ${machine.arch}: ` +
        'such counts cannot be compared. --write makes a baseline of this one.',
    )
  }
  const totals = new Totals()
  for (const [name, count] of Object.entries(counts)) {
    const before = baseline.instructions[name]
    const isWell = count <= before * (1 + TOLERANCE)
    const change = `${(100 * (count / before - 1)).toFixed(1)} %`
    const line = `${name}: ${count} instructions a unit, ${before} in the baseline (${change})`
    totals.add(isWell ? { passed: 1, failures: [] } : { passed: 0, failures: [line] })
    console.log(`${isWell ? 'ok  ' : 'FAIL'} ${line}`)
    if (count < before * (1 - TOLERANCE)) console.log('     fewer than before: --write keeps it so.')
  }
  return totals
}
