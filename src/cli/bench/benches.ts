import { Option } from 'commander'
import { AFFINITY_TRIALS } from '../../bench/affinity/options.ts'
import { KEY_KIND_IDS } from '../../bench/keys/options.ts'
import { PICK_TRIALS } from '../../bench/pick/options.ts'
import { RELAY_TRIALS } from '../../bench/relay/options.ts'
import { SUBJECT_IDS } from '../../bench/relay/subject.ts'
import type { Benchmark, BenchName } from '../../bench/result.ts'
import { SCALE_AXES } from '../../bench/scale/options.ts'
import { countsOf, listOf, numberAbove, wholeNumber } from '../option-parsers.ts'
import { AFFINITY_HELP, KEYS_HELP, PICK_HELP, RELAY_HELP, SCALE_HELP } from './help-texts.ts'

/** A benchmark of the command line. */
export interface BenchEntry {
  name: BenchName
  /** In the list of commands. */
  summary: string
  /** In its own help. */
  description: string
  help: string
  /** Besides those of every benchmark; their names are those of the benchmark's options. */
  options: readonly Option[]
  /** Nothing of it is loaded before it is run. */
  load: () => Promise<Benchmark<never>>
}

/** As the load generator takes. */
const LONGEST_SECONDS = 600
const MOST_BACKENDS = 10_000
const MOST_SESSIONS = 100_000
/** As many as `threads` of the configuration. */
const MOST_THREADS = 64

const option = (flags: string, text: string, parse: (text: string) => unknown): Option =>
  new Option(flags, text).argParser(parse)
const trials = (names: readonly string[]): Option =>
  option('--trials <list>', `what to measure, of ${names.join(', ')} (default: all)`, listOf(names))
const seconds = (quick: number): Option =>
  option('--seconds <n>', `time of each measurement (default: 2; quick: ${quick})`, numberAbove(0, LONGEST_SECONDS))

/** What relay, scale and keys have in common. */
const load = (): Option[] => [
  seconds(0.15),
  option('--threads <n>', 'relay threads of each subject (default: 1)', wholeNumber(1, MOST_THREADS)),
  option('--at-once <n>', 'connections under way at any time (default: 32)', wholeNumber(1, MOST_SESSIONS)),
  option('--backends <n>', 'backends (default: 10)', wholeNumber(1, MOST_BACKENDS)),
]

const peers = (): Option[] => [
  new Option('--haproxy <file>', 'the HAProxy to measure beside (default: that of PATH)'),
  new Option('--nginx <file>', 'the nginx to measure beside (default: that of PATH)'),
]

export const BENCHES: readonly BenchEntry[] = [
  {
    name: 'pick',
    summary: 'picks a second, and memory',
    description: 'Measures what a pick costs, by the size of the stick table, by threads and by backends.',
    help: PICK_HELP,
    options: [trials(PICK_TRIALS), seconds(0.05)],
    load: async () => (await import('../../bench/pick/pick.ts')).benchPick,
  },
  {
    name: 'affinity',
    summary: 'balance, clients moved, overflow',
    description:
      'Measures how evenly homes spread, how many clients a change of the backends moves, and how many a bound sends past their home; beside what theory and papers say.',
    help: AFFINITY_HELP,
    options: [
      trials(AFFINITY_TRIALS),
      option(
        '--clients <n>',
        'clients whose homes are asked (default: 200000; quick: 5000)',
        wholeNumber(100, 10_000_000),
      ),
    ],
    load: async () => (await import('../../bench/affinity/affinity.ts')).benchAffinity,
  },
  {
    name: 'relay',
    summary: 'connections, round trips, bytes, idle sessions',
    description:
      'Measures what a connection, a round trip, a GiB and an idle session cost: CPU, latency, throughput and memory, beside HAProxy, nginx and a Node pipe.',
    help: RELAY_HELP,
    options: [
      trials(RELAY_TRIALS),
      option('--subjects <list>', `whom to measure, of ${SUBJECT_IDS.join(', ')} (default: all)`, listOf(SUBJECT_IDS)),
      ...load(),
      ...peers(),
      option('--sessions <n>', 'open sessions of round-trip (default: 32)', wholeNumber(1, MOST_SESSIONS)),
      option('--bulk-sessions <n>', 'sessions of the bulk trials (default: 4)', wholeNumber(1, MOST_SESSIONS)),
      option('--idle-sessions <n>', 'sessions of idle (default: 5000; quick: 200)', wholeNumber(1, MOST_SESSIONS)),
    ],
    load: async () => (await import('../../bench/relay/index.ts')).benchRelay,
  },
  {
    name: 'scale',
    summary: 'the same while sessions, backends or threads grow',
    description: 'Measures what a connection and a round trip cost while sessions, backends or threads grow.',
    help: SCALE_HELP,
    options: [
      option('--axes <list>', `what grows, of ${SCALE_AXES.join(', ')} (default: all)`, listOf(SCALE_AXES)),
      option(
        '--subjects <list>',
        `whom to measure, of ${SUBJECT_IDS.join(', ')} (default: floor, limpet-native, limpet-net)`,
        listOf(SUBJECT_IDS),
      ),
      ...load(),
      ...peers(),
      option('--session-counts <list>', 'live sessions (default: 10,100,1000,9000)', countsOf(MOST_SESSIONS)),
      option('--backend-counts <list>', 'backends (default: 2,10,100,1000)', countsOf(MOST_BACKENDS)),
      option(
        '--thread-counts <list>',
        'threads (default: 1, 2, 4 … to the number of processors)',
        countsOf(MOST_THREADS),
      ),
    ],
    load: async () => (await import('../../bench/scale/index.ts')).benchScale,
  },
  {
    name: 'keys',
    summary: 'what a connection costs, by where its key is',
    description:
      'Measures what a connection costs with each kind of affinity.key, beside the address, for which nothing is waited for.',
    help: KEYS_HELP,
    options: [
      option('--kinds <list>', `which, of ${KEY_KIND_IDS.join(', ')} (default: all)`, listOf(KEY_KIND_IDS)),
      ...load(),
    ],
    load: async () => (await import('../../bench/keys/index.ts')).benchKeys,
  },
]
