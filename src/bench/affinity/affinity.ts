import { INSTALL_PACKAGES } from '../programs.ts'
import type { BenchContext, Findings } from '../result.ts'
import { alternate, type Cell } from '../rounds.ts'
import { balanceCell, EXACT, sharesCell } from './balance.ts'
import { CHANGES, movementCell } from './movement.ts'
import { AFFINITY_TRIALS, type AffinityOptions, type AffinityTrial } from './options.ts'
import { BOUNDED_SUBJECTS, BOUNDS, capacityCell, liveCell } from './overflow.ts'
import { prefixCell, WIDTHS } from './prefixes.ts'
import { packages, subjects } from './subjects.ts'

/**
 * `limpet bench affinity`: how well homes are spread, how few clients a change moves, how many a bound sends past their
 * home. Every round has clients and a secret of its own, the same in every run: what it finds is a matter of the code, not
 * of the machine.
 */
export async function benchAffinity(context: BenchContext, options: AffinityOptions): Promise<Findings> {
  const { quick, note } = context
  const { clients = quick ? 5_000 : 200_000, trials = AFFINITY_TRIALS } = options
  const { installed, missing } = packages()
  if (missing.length > 0) note(`not installed: ${missing.join(', ')}; ${INSTALL_PACKAGES} installs them`)
  const cells: Record<AffinityTrial, () => Cell[]> = {
    balance: () => balance(quick, clients),
    movement: () => CHANGES.flatMap(change => subjects().map(subject => movementCell(subject, change, clients))),
    overflow: () => overflow(quick),
    prefixes: () => WIDTHS.map(prefixCell),
  }
  const chosen = AFFINITY_TRIALS.filter(trial => trials.includes(trial))
  const series = await alternate(
    chosen.flatMap(trial => cells[trial]()),
    context,
  )
  return { options: { clients, trials: chosen.join(' ') }, programs: installed, series }
}

function balance(quick: boolean, clients: number): Cell[] {
  const sizes = quick ? [10, 100] : [10, 30, 100, 300, 1_000]
  return [
    ...sizes.flatMap(backends => subjects().map(subject => balanceCell(subject, backends, clients))),
    ...(quick ? [10] : sizes).flatMap(backends => EXACT.map(subject => sharesCell(subject, backends))),
  ]
}

function overflow(quick: boolean): Cell[] {
  const names = Object.keys(BOUNDED_SUBJECTS)
  const each = (make: (subject: string, factor: number) => Cell): Cell[] =>
    (quick ? [1.1, 1.25] : BOUNDS).flatMap(factor => names.map(subject => make(subject, factor)))
  return [
    ...each((subject, factor) => capacityCell(subject, 1_000, factor)),
    ...(quick ? [] : each((subject, factor) => capacityCell(subject, 10_000, factor))),
    ...each((subject, factor) => liveCell(subject, 1_000, factor)),
  ]
}
