import { LimpetError } from '../../errors.ts'
import type { BackendTotals } from './load.ts'

/** What went wrong, as `limpet-bench-load` counts it (bench/load/faults.h). */
export interface Faults {
  total: number
  refused: number
  reset: number
  closed: number
  corrupt: number
  stalled: number
  other: number
  /** Of the last `other`. */
  error: string | null
}

/** @throws {@link LimpetError} `LIMPET_ERR_BENCH_PROGRAM`: something went wrong, so that the figures are worth nothing */
export function requireNone(faults: Faults): void {
  if (faults.total > 0) throw fault('the clients saw', faults)
}

/**
 * At the end clients close sessions whose answers are under way: their resets are none of the relay's doing.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_BENCH_PROGRAM`: the backends got other bytes than were sent, or had trouble
 */
export function requireGoodBackends({ faults }: BackendTotals): void {
  if (faults.corrupt + faults.other > 0) throw fault('the backends saw', faults)
}

function fault(who: string, faults: Faults): LimpetError {
  const { total: _total, error, ...counts } = faults
  const seen = Object.entries(counts).filter(([, count]) => count > 0)
  const text = seen.map(([name, count]) => `${count} ${name}`).join(', ')
  return new LimpetError('LIMPET_ERR_BENCH_PROGRAM', `${who} ${text}${error === null ? '' : ` (${error})`}`)
}
