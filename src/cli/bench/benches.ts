import { Option } from 'commander'
import type { AffinityTrial } from '../../bench/affinity/affinity.ts'
import type { PickTrial } from '../../bench/pick/pick.ts'
import type { Benchmark, BenchName } from '../../bench/result.ts'
import { AFFINITY_HELP, PICK_HELP } from './help-texts.ts'
import { listOf, numberAbove, wholeNumber } from './option-parsers.ts'

/** A benchmark of the command line. */
export interface BenchEntry {
  name: BenchName
  /** In the list of commands. */
  summary: string
  /** In its own help. */
  description: string
  help: string
  /** Besides those of every benchmark. */
  options: readonly Option[]
  /** Nothing of it is loaded before it is run. */
  load: () => Promise<Benchmark<never>>
}

const PICK_TRIALS: readonly PickTrial[] = ['pins', 'threads', 'backends', 'homes']
const AFFINITY_TRIALS: readonly AffinityTrial[] = ['balance', 'movement', 'overflow']

export const BENCHES: readonly BenchEntry[] = [
  {
    name: 'pick',
    summary: 'picks a second, and memory',
    description: 'Measures what a pick costs, by the size of the stick table, by threads and by backends.',
    help: PICK_HELP,
    options: [
      new Option('--trials <list>', `what to measure, of ${PICK_TRIALS.join(', ')} (default: all)`).argParser(
        listOf(PICK_TRIALS),
      ),
      new Option('--seconds <n>', 'time of each measurement (default: 2; quick: 0.05)').argParser(numberAbove(0, 3600)),
    ],
    load: async () => (await import('../../bench/pick/pick.ts')).benchPick,
  },
  {
    name: 'affinity',
    summary: 'balance, clients moved, overflow',
    description:
      'Measures how evenly homes spread, how many clients a change of the backends moves, and how many a bound sends past their home; beside what theory and papers say.',
    help: AFFINITY_HELP,
    options: [
      new Option('--trials <list>', `what to measure, of ${AFFINITY_TRIALS.join(', ')} (default: all)`).argParser(
        listOf(AFFINITY_TRIALS),
      ),
      new Option('--clients <n>', 'clients whose homes are asked (default: 200000; quick: 5000)').argParser(
        wholeNumber(100, 10_000_000),
      ),
    ],
    load: async () => (await import('../../bench/affinity/affinity.ts')).benchAffinity,
  },
]
