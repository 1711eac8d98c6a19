import type { Series } from '../result.ts'
import { summary } from '../statistics.ts'
import { direct } from './subjects/direct.ts'

/** From this share of its processors on, the load generator may be what is measured. */
const BUSY = 0.7

/** Watches whether the load generator was fast enough. */
export class GeneratorWatch {
  readonly #busiest = new Map<string, number>()

  /** Directly, the generator is meant to be the limit. */
  saw(trial: string, subject: string, share: number): void {
    if (subject === direct.name || share < BUSY) return
    const key = `${trial}, ${subject}`
    this.#busiest.set(key, Math.max(share, this.#busiest.get(key) ?? 0))
  }

  /** What a reader must know. */
  notes(series: readonly Series[]): string[] {
    const busy = [...this.#busiest].map(
      ([key, share]) =>
        `${key}: the load generator was the bottleneck (busy for ${Math.round(share * 100)} % of the time); CPU per unit holds, throughput and latency are its own`,
    )
    return [...headroom(series), ...busy]
  }
}

/** How much more goes directly than through the fastest balancer, trial by trial. */
function headroom(series: readonly Series[]): string[] {
  const throughputs = series.filter(({ metric, at }) => metric === 'throughput' && at === undefined)
  return throughputs.flatMap(({ trial, subject, samples }) => {
    if (subject !== direct.name) return []
    const alone = summary(samples)?.median
    const others = throughputs.filter(one => one.trial === trial && one.subject !== direct.name)
    const best = Math.max(...others.map(one => summary(one.samples)?.median ?? 0))
    if (alone === undefined || best <= 0) return []
    const times = alone / best
    return [`${trial}: directly ${times.toFixed(1)} times as much as through the fastest balancer`]
  })
}
