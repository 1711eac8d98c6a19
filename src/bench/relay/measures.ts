import { availableParallelism } from 'node:os'
import { LimpetError } from '../../errors.ts'
import type { Measure } from '../rounds.ts'
import { requireNone } from './faults.ts'
import type { Shares } from './generator.ts'
import type { LoadResult } from './load.ts'

const GIB = 2 ** 30

/** A column of a trial: what it is called, and how it follows from what was measured. */
export interface Column extends Measure {
  /** The subject's own process is needed. */
  own: boolean
  value: (result: LoadResult) => number
}

const percentile = (name: string, of: 'p50' | 'p99' | 'p999'): Column => ({
  metric: `latency ${name}`,
  unit: 'µs',
  better: 'lower',
  own: false,
  value: ({ latencyNs }) => latencyNs[of] / 1e3,
})

/** At 100 %, a subject of one thread had no time left: what was measured was it, and no one else. */
const BUSY: Column = {
  metric: 'process busy',
  unit: '%',
  better: 'neither',
  own: true,
  value: ({ watchedCpuNs, ns }) => (watchedCpuNs / ns) * 100,
}

/** Of connections and round trips. */
export const UNIT_COLUMNS: readonly Column[] = [
  { metric: 'process CPU', unit: 'µs', better: 'lower', own: true, value: r => r.watchedCpuNs / 1e3 / r.units },
  { metric: 'machine CPU', unit: 'µs', better: 'lower', own: false, value: r => r.machineCpuNs / 1e3 / r.units },
  percentile('p50', 'p50'),
  percentile('p99', 'p99'),
  percentile('p99.9', 'p999'),
  { metric: 'throughput', unit: '1/s', better: 'higher', own: false, value: r => r.units / (r.ns / 1e9) },
  BUSY,
]

/** Of bulk transfers. Both ways: a GiB is half a GiB each way. */
export const BULK_COLUMNS: readonly Column[] = [
  {
    metric: 'process CPU',
    unit: 's/GiB',
    better: 'lower',
    own: true,
    value: r => r.watchedCpuNs / 1e9 / (r.bytes / GIB),
  },
  {
    metric: 'machine CPU',
    unit: 's/GiB',
    better: 'lower',
    own: false,
    value: r => r.machineCpuNs / 1e9 / (r.bytes / GIB),
  },
  { metric: 'throughput', unit: 'GiB/s', better: 'higher', own: false, value: r => r.bytes / GIB / (r.ns / 1e9) },
  BUSY,
]

/** How busy the busier of load generator and backends was, of what its threads could use, and the machine as a whole. */
export function sharesOf(
  { ns, loadCpuNs, backendCpuNs, machineCpuNs }: LoadResult,
  loadThreads: number,
  cores: number = availableParallelism(),
): Shares {
  return { generator: Math.max(loadCpuNs, backendCpuNs) / (ns * loadThreads), machine: machineCpuNs / (ns * cores) }
}

/** @throws {@link LimpetError} `LIMPET_ERR_BENCH_PROGRAM`: something went wrong, or nothing was done at all */
export function requireWork(result: LoadResult): void {
  requireNone(result.faults)
  if (result.units > 0 || result.bytes > 0) return
  throw new LimpetError('LIMPET_ERR_BENCH_PROGRAM', 'not one unit was done in the time of the cell')
}
