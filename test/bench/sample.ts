import type { BenchResult, Series } from '../../src/bench/result.ts'

/** A series with what a test does not care about. */
export function series(changes: Partial<Series>): Series {
  const base = { trial: 'connection', subject: 'Limpet', metric: 'process CPU', unit: 'µs', better: 'lower' } as const
  return { ...base, samples: [70, 60, 80], ...changes }
}

/** A result with these series. */
export function result(given: readonly Series[], changes: Partial<BenchResult> = {}): BenchResult {
  return {
    format: 1,
    bench: 'relay',
    limpet: { version: '0.1.0', commit: 'abc1234567' },
    machine: { cpu: 'a processor', cores: 2, memoryMiB: 4096, kernel: 'Linux 6.18', node: '20.20.2' },
    began: '2026-11-26T03:45:12.000Z',
    seconds: 12.5,
    rounds: 3,
    options: { sessions: 32 },
    programs: { HAProxy: '2.6.12' },
    series: [...given],
    notes: [],
    ...changes,
  }
}

/** What a benchmark of a relay finds: a trial without an axis, one with, a round that failed. */
export const RELAY = result(
  [
    series({ samples: [70, 60, 80] }),
    series({ subject: 'HAProxy', samples: [100, 80, 90], expected: 84 }),
    series({ metric: 'latency p99', samples: [500, 400, 600] }),
    series({ metric: 'latency p99', subject: 'HAProxy', samples: [450, null, 500] }),
    ...[10, 1000].flatMap(value => [
      series({ trial: 'round trip', at: { name: 'sessions', value }, samples: [14, 15, 13] }),
      series({
        trial: 'round trip',
        subject: 'HAProxy',
        at: { name: 'sessions', value },
        samples: [16, 16, 17],
        expected: 15,
      }),
    ]),
  ],
  { notes: ['connection: HAProxy, round 2: it <failed>\nbadly'] },
)
