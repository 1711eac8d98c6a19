import type { Series } from '../result.ts'
import { summary } from '../statistics.ts'
import { direct } from './subjects/direct.ts'

/** From this share of its processors on, the load generator may be what is measured. */
const BUSY = 0.7
/** From this share of all processors on, everybody waited for a processor. */
const FULL = 0.95

/** How busy what stands around a subject was, as shares of the processors that there were for it. */
export interface Shares {
  generator: number
  machine: number
}

/** Watches whether the load generator was fast enough, and the machine large enough. */
export class GeneratorWatch {
  readonly #busiest = new Map<string, number>()
  readonly #full = new Map<string, Set<string>>()

  /** Directly, the generator is meant to be the limit. */
  saw(trial: string, subject: string, { generator, machine }: Shares): void {
    if (machine >= FULL) this.#full.set(trial, (this.#full.get(trial) ?? new Set()).add(subject))
    if (subject === direct.name || generator < BUSY) return
    const key = `${trial}, ${subject}`
    this.#busiest.set(key, Math.max(generator, this.#busiest.get(key) ?? 0))
  }

  /** What a reader must know. */
  notes(series: readonly Series[]): string[] {
    const busy = [...this.#busiest].map(
      ([key, share]) =>
        `${key}: the load generator was the bottleneck (busy for ${Math.round(share * 100)} % of the time); CPU per unit holds, throughput and latency are its own`,
    )
    const full = [...this.#full].map(
      ([trial, subjects]) =>
        `${trial}: the machine was full at times with ${[...subjects].join(', ')}; CPU per unit holds, throughput and latency are also of whoever waited for a processor`,
    )
    return [...headroom(series), ...full, ...busy]
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
