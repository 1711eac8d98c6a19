import { ClusterSimulation } from '../../simulation/cluster.ts'
import type { ClusterFindings, ClusterOptions } from '../../simulation/options.ts'
import { Progress } from '../bench/progress.ts'
import { UsageError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'

/** As they are typed. */
export interface ClusterArguments extends Omit<ClusterOptions, 'factor' | 'isShared' | 'wander' | 'churn'> {
  bound: number | 'off'
  alone?: boolean | undefined
  json?: boolean | undefined
  /** In 100. */
  wander: number
  churn: number
}

/** Of a stick table: docs/stick-table.md. */
const BYTES_A_PIN = 23
/** Of a key with a time to live in Redis 7.0 (100,000 of 60 bytes with values of 10: 186 bytes each). */
const BYTES_A_KEY = 186

export async function simulateCluster(given: ClusterArguments, io: Io): Promise<number> {
  const { bound, alone = false, json = false, wander, churn, ...same } = given
  const late = same.changes.find(({ at }) => at >= same.duration)
  if (late !== undefined)
    throw new UsageError(
      `${late.what} would come after ${late.at} s, and only ${same.duration} s are simulated: --duration`,
    )
  const options: ClusterOptions = {
    ...same,
    factor: bound === 'off' ? undefined : bound,
    isShared: !alone,
    wander: wander / 100,
    churn: churn / 100,
  }
  const findings = await run(options, io)
  const figures = { ...findings, ...derived(findings, options) }
  if (json) await io.stdout.line(JSON.stringify({ options, findings: figures }, undefined, 2))
  else for (const line of lines(figures, options, io)) await io.stdout.line(line)
  return EXIT.ok
}

async function run(options: ClusterOptions, io: Io): Promise<ClusterFindings> {
  const progress = new Progress(io.stderr)
  const minutes = Math.floor(options.duration / 60)
  if (io.stderr.isTerminal) progress.plan(minutes)
  try {
    const simulation = new ClusterSimulation(options)
    for (const seconds of simulation.minutes())
      if (io.stderr.isTerminal) {
        progress.step(`${seconds / 60} min`)
        // The bar is drawn between two minutes.
        await new Promise(setImmediate)
      }
    return simulation.findings()
  } finally {
    await progress.end()
  }
}

type Figures = ClusterFindings & ReturnType<typeof derived>

function derived(
  { writes, deletes, refreshes, pins, exceptions, mostExceptions }: ClusterFindings,
  options: ClusterOptions,
) {
  return {
    operationsPerSecond: (writes + deletes + refreshes) / options.duration,
    exceptionShare: pins === 0 ? 0 : exceptions / pins,
    balancerBytes: pins * BYTES_A_PIN,
    storeBytes: mostExceptions * BYTES_A_KEY,
  }
}

function lines(figures: Figures, { duration, isShared }: ClusterOptions, io: Io): string[] {
  const number = (value: number, places = 0): string => value.toLocaleString('en', { maximumFractionDigits: places })
  const share = (part: number, whole: number): string => `${number(whole === 0 ? 0 : (100 * part) / whole, 3)} %`
  const mebibytes = (bytes: number): string => `${number(bytes / 2 ** 20, 1)} MiB`
  const { sessions, returns, broken, pins, exceptions, mostExceptions } = figures
  const rows: [string, string, string][] = [
    ['sessions', number(sessions), `${number(sessions / duration, 1)} a second`],
    ['clients that came back', number(returns), 'within the ttl, to a backend that could take them'],
    ['broken', number(broken), `${share(broken, returns)} of those: they met another backend`],
    ['pins', number(pins), `at most ${mebibytes(figures.balancerBytes)} a balancer`],
    ['exceptions', number(exceptions), `${share(exceptions, pins)} of the pins; at most ${number(mostExceptions)}`],
    ['fullest backend', `${number(figures.fullest, 2)} × mean`, 'at the end'],
  ]
  const store: [string, string, string][] = [
    ['store, operations', `${number(figures.operationsPerSecond, 1)}/s`, `at most ${number(figures.peakOperations)}/s`],
    ['store, memory', mebibytes(figures.storeBytes), 'at most'],
    [
      'told to the others',
      number(figures.deliveries),
      `${number(figures.deliveries / duration, 1)} a second, all together`,
    ],
  ]
  const all = isShared ? [...rows, ...store] : rows
  const widths = [0, 1].map(column => Math.max(...all.map(row => row[column]?.length ?? 0)))
  return all.map(([name, value, more]) =>
    io.stdout.cut(
      `${name.padEnd(widths[0] ?? 0)}  ${value.padStart(widths[1] ?? 0)}  ${io.stdout.style('dim', more)}`.trimEnd(),
    ),
  )
}
