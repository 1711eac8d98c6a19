/** The benchmarks of `limpet bench`. */
export type BenchName = 'pick' | 'affinity' | 'relay' | 'scale' | 'keys'

/** Where a series lies on the horizontal axis of its plot. */
export interface Place {
  /** What grows, e.g. "sessions". */
  name: string
  value: number
}

/** One quantity of one subject: what tables, plots and comparisons are made of. */
export interface Series {
  /** What was done, e.g. "connection", "round trip"; series of the same trial, metric and place are compared. */
  trial: string
  /** Who did it, e.g. "Limpet, native acceptor", "HAProxy". Its version is in {@link BenchResult.programs}. */
  subject: string
  /** What was measured, e.g. "process CPU", "latency p99". */
  metric: string
  /** Of the samples, e.g. "µs", "s/GiB", "KiB", "%", "1/s". */
  unit: string
  better: 'lower' | 'higher' | 'neither'
  /** Undefined: the trial has no horizontal axis. */
  at?: Place
  /** One a round, in the order of the rounds; null: the round gave none, and a note says why. */
  samples: (number | null)[]
  /** What was published, or what the theory says, in the same unit. */
  expected?: number
}

/** The machine of a run. */
export interface Machine {
  cpu: string
  cores: number
  memoryMiB: number
  kernel: string
  node: string
}

/** What a run found: the content of `report.json`, and all that the other forms of the report are made from. */
export interface BenchResult {
  /** Of this structure; a reader refuses others. */
  format: 1
  bench: BenchName
  limpet: { version: string; commit?: string }
  machine: Machine
  /** ISO 8601. */
  began: string
  seconds: number
  rounds: number
  /** Options of the run that change what the figures mean. */
  options: Record<string, string | number | boolean>
  /** Versions of the programs and packages that took part, by subject. */
  programs: Record<string, string>
  /** In the order of tables and plots; the first metric of a trial (of the subject that has most) is its main one, which short tables show. */
  series: Series[]
  /** What a reader must know: who was missing, which round failed and why. */
  notes: string[]
}

/** What a benchmark is given. */
export interface BenchContext {
  rounds: number
  /** A run of seconds that shows that everything works; its figures mean little. */
  quick: boolean
  /**
   * Aborted when the user wants no more; a benchmark then ends what it started. It gives back what it has, with null for
   * what is missing, or rejects with the reason if that is nothing.
   */
  signal: AbortSignal
  /** How many steps there will be; called once, first. */
  plan: (steps: number) => void
  /** A step begins; `label` says which, for the progress bar. */
  step: (label: string) => void
  note: (text: string) => void
}

/** What a benchmark gives back; the command adds the rest of the {@link BenchResult}. */
export type Findings = Pick<BenchResult, 'options' | 'programs' | 'series'>

/** A benchmark; its own options are those of its entry in `src/cli/bench/benches.ts`. */
export type Benchmark<Options> = (context: BenchContext, options: Options) => Promise<Findings>
