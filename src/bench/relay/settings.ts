import type { BenchContext } from '../result.ts'
import type { RelayLoadOptions } from './options.ts'

/** {@link RelayLoadOptions} with every default filled in. */
export interface LoadSettings {
  threads: number
  ms: number
  warmupMs: number
  atOnce: number
  backends: number
  /** Whether closed connections of cells before are waited for; figures of a quick run mean little in any case. */
  isFair: boolean
}

const WARMUP_MS = 500
const QUICK_WARMUP_MS = 50
const QUICK_SECONDS = 0.15

export function settingsOf(options: RelayLoadOptions, { quick }: BenchContext): LoadSettings {
  const { threads = 1, atOnce = 32, backends = 10 } = options
  const { seconds = quick ? QUICK_SECONDS : 2 } = options
  const times = { ms: Math.round(seconds * 1000), warmupMs: quick ? QUICK_WARMUP_MS : WARMUP_MS }
  return { threads, atOnce, backends, isFair: !quick, ...times }
}
