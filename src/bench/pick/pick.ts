import { availableParallelism } from 'node:os'
import { INSTALL_PACKAGES, nativeProgram, nodeModule, packageOf, runProgram } from '../programs.ts'
import type { BenchContext, Findings, Place } from '../result.ts'
import { alternate, type Cell, type Measure } from '../rounds.ts'
import type { CellFigures, NodeSubject } from './cell.ts'
import { PICK_TRIALS, type PickOptions, type PickTrial } from './options.ts'

/** What the program of bench/pick prints. */
interface NativeFigures {
  perSecond: number
  /** Of all threads. */
  cpuNanos: number
  bytesPerPin: number
  publishMicros: number
}

/** What is measured; a quick run has sizes that take no time to fill. */
interface Plan {
  seconds: number
  pins: readonly number[]
  threads: readonly number[]
  backends: readonly number[]
  /** Pins where something else grows. */
  somePins: number
}

/** Backends where something else grows. */
const SOME_BACKENDS = 100
const PACKAGES = ['hashring', 'consistent-hash'] as const
/** The circle of consistent-hash has 100,003 places, and each backend takes 40: past this it finds none that is free. */
const MOST_BACKENDS = { placement: 10_000, hashring: 10_000, 'consistent-hash': 2_000 } as const
/** On a machine that others use, the second one is to be compared. */
const PICKS: readonly Measure[] = [
  { metric: 'picks', unit: '1/s', better: 'higher' },
  { metric: 'CPU of a pick', unit: 'ns', better: 'lower' },
]
const HOME_MEASURES: readonly Measure[] = [
  { metric: 'look-ups', unit: '1/s', better: 'higher' },
  { metric: 'CPU of a look-up', unit: 'ns', better: 'lower' },
  { metric: 'memory', unit: 'KiB', better: 'lower' },
  { metric: 'time to build', unit: 'ms', better: 'lower' },
]

/** `limpet bench pick`: what a pick costs, by the size of the stick table, by threads and by backends. */
export async function benchPick(context: BenchContext, options: PickOptions): Promise<Findings> {
  const plan = planOf(context, options)
  const { trials = PICK_TRIALS } = options
  const cells: Record<PickTrial, () => Cell[]> = {
    pins: () => plan.pins.flatMap(pins => [nativeByPins(plan, pins), nodeByPins(plan, pins)]),
    threads: () => plan.threads.map(threads => nativeByThreads(plan, threads)),
    backends: () =>
      plan.backends.flatMap(backends => [nativeByBackends(plan, backends), nodeByBackends(plan, backends)]),
    homes: () => homes(plan, context),
  }
  const chosen = PICK_TRIALS.filter(trial => trials.includes(trial)).flatMap(trial => cells[trial]())
  const series = await alternate(chosen, context)
  return { options: { seconds: plan.seconds, trials: trials.join(' ') }, programs: versions(), series }
}

function planOf({ quick }: BenchContext, { seconds }: PickOptions): Plan {
  const cores = availableParallelism()
  // 1, 2, 4 … and all cores.
  const threads = [1, 2, 4, 8, 16, 32, 64].filter(count => count < cores)
  if (quick) return { seconds: seconds ?? 0.05, pins: [10_000], threads: [1], backends: [2, 100], somePins: 10_000 }
  return {
    seconds: seconds ?? 2,
    pins: [10_000, 100_000, 1_000_000, 10_000_000],
    threads: [...threads, cores],
    backends: [2, 10, 100, 1_000, 10_000],
    somePins: 100_000,
  }
}

function versions(): Record<string, string> {
  const installed = PACKAGES.map(name => [name, packageOf(name)?.version] as const)
  return Object.fromEntries(
    installed.filter((entry): entry is [(typeof PACKAGES)[number], string] => entry[1] !== undefined),
  )
}

const at = (name: string, value: number): Place => ({ name, value })

async function native(
  pins: number,
  backends: number,
  threads: number,
  { seconds }: Plan,
  signal: AbortSignal,
): Promise<NativeFigures> {
  const args = [pins, backends, threads, seconds].map(String)
  return (await runProgram(nativeProgram('pick'), args, signal)) as NativeFigures
}

async function node(
  subject: NodeSubject,
  pins: number,
  backends: number,
  { seconds }: Plan,
  signal: AbortSignal,
): Promise<CellFigures> {
  const args = ['--expose-gc', ...nodeModule(import.meta.url, './cell'), subject, pins, backends, seconds]
  return (await runProgram(process.execPath, args.map(String), signal)) as CellFigures
}

function picksOf({ perSecond, cpuNanos }: { perSecond: number; cpuNanos: number }): number[] {
  return [perSecond, cpuNanos]
}

function nativeByPins(plan: Plan, pins: number): Cell {
  return {
    trial: 'pick, by pins',
    subject: 'C++',
    at: at('pins', pins),
    measures: [...PICKS, { metric: 'memory of a pin', unit: 'B', better: 'lower' }],
    run: async (_, signal) => {
      const { perSecond, cpuNanos, bytesPerPin } = await native(pins, SOME_BACKENDS, 1, plan, signal)
      return [perSecond, cpuNanos, bytesPerPin]
    },
  }
}

function nodeByPins(plan: Plan, pins: number): Cell {
  return {
    trial: 'pick, by pins',
    subject: 'JavaScript',
    at: at('pins', pins),
    measures: PICKS,
    run: async (_, signal) => picksOf(await node('balancer', pins, SOME_BACKENDS, plan, signal)),
  }
}

function nativeByThreads(plan: Plan, threads: number): Cell {
  return {
    trial: 'pick, by threads',
    subject: 'C++',
    at: at('threads', threads),
    measures: PICKS,
    run: async (_, signal) => picksOf(await native(plan.somePins, SOME_BACKENDS, threads, plan, signal)),
  }
}

function nativeByBackends(plan: Plan, backends: number): Cell {
  return {
    trial: 'pick, by backends',
    subject: 'C++',
    at: at('backends', backends),
    measures: [...PICKS, { metric: 'time to publish a roster', unit: 'µs', better: 'lower' }],
    run: async (_, signal) => {
      const { perSecond, cpuNanos, publishMicros } = await native(plan.somePins, backends, 1, plan, signal)
      return [perSecond, cpuNanos, publishMicros]
    },
  }
}

function nodeByBackends(plan: Plan, backends: number): Cell {
  return {
    trial: 'pick, by backends',
    subject: 'JavaScript',
    at: at('backends', backends),
    measures: PICKS,
    run: async (_, signal) => picksOf(await node('balancer', plan.somePins, backends, plan, signal)),
  }
}

/** The packages know homes only, so they stand beside `Placement`, which does, too. */
function homes(plan: Plan, { note }: BenchContext): Cell[] {
  const installed = PACKAGES.filter(name => packageOf(name) !== undefined)
  const missing = PACKAGES.filter(name => !installed.includes(name))
  if (missing.length > 0) note(`not installed: ${missing.join(', ')}; ${INSTALL_PACKAGES} installs them`)
  const subjects = ['placement', ...installed] as const
  for (const subject of subjects) {
    const left = plan.backends.filter(backends => backends > MOST_BACKENDS[subject])
    if (left.length > 0) note(`${subject} cannot hold ${left.join(', ')} backends with its own defaults`)
  }
  return plan.backends.flatMap(backends =>
    subjects.filter(subject => backends <= MOST_BACKENDS[subject]).map(subject => home(plan, subject, backends)),
  )
}

function home(plan: Plan, subject: Exclude<NodeSubject, 'balancer'>, backends: number): Cell {
  return {
    trial: 'home, by backends',
    subject: subject === 'placement' ? 'Limpet, Placement' : subject,
    at: at('backends', backends),
    measures: HOME_MEASURES,
    run: async (_, signal) => {
      const { perSecond, cpuNanos, memoryKiB, buildMillis } = await node(subject, plan.somePins, backends, plan, signal)
      return [perSecond, cpuNanos, memoryKiB, buildMillis]
    },
  }
}
