import type { Stats } from '../../index.ts'
import type { Rates, StatusReport } from './status-text.ts'

/**
 * What grew between two looks at one process, each second. Without an earlier look, or if another process answers now:
 * the average since the process was started.
 */
export function ratesOf(before: StatusReport | undefined, now: StatusReport): Rates {
  const isSame = before !== undefined && before.pid === now.pid && before.uptimeMs < now.uptimeMs
  const earlier = isSame ? before : undefined
  const seconds = Math.max(1, now.uptimeMs - (earlier?.uptimeMs ?? 0)) / 1000
  const grown = (figure: (stats: Stats) => number): number =>
    Math.max(0, figure(now.stats) - (earlier === undefined ? 0 : figure(earlier.stats))) / seconds
  const totalOf = (stats: Stats, pool: string, backend: string): number =>
    stats.pools[pool]?.backends.find(({ name }) => name === backend)?.total ?? 0
  return {
    sessions: grown(({ counters }) => counters.accepted),
    bytesToBackend: grown(({ counters }) => counters.bytesToBackend),
    bytesToClient: grown(({ counters }) => counters.bytesToClient),
    backends: (pool, backend) => grown(stats => totalOf(stats, pool, backend)),
  }
}
