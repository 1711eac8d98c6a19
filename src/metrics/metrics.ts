import type { Metric, MetricValueWithName, Registry } from 'prom-client'
import type { Balancer } from '../balancer.ts'
import type { Histogram } from '../relay/durations.ts'
import type { Stats } from '../stats.ts'
import type { Definition } from './definition.ts'
import { DEFINITIONS, HISTOGRAMS, type HistogramDefinition } from './definitions.ts'

type Library = typeof import('prom-client')

/** The metrics of the process; one for all balancers in it, for their observers are never taken down. */
let processRegistry: Registry | undefined

/** What a balancer tells Prometheus: its figures, and those of the process. docs/metrics.md lists them all. */
export class Metrics {
  /** The media type of what {@link Metrics.render} gives. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'
  readonly #balancer: Balancer
  #registry: Promise<Registry> | undefined
  #stats: Stats | undefined

  /** Loads nothing and counts nothing until {@link Metrics.render} is called. */
  constructor(balancer: Balancer) {
    this.#balancer = balancer
  }

  /**
   * The figures as they are now, in the text format of Prometheus.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_INVALID_STATE` where {@link Balancer.stats} throws it
   */
  async render(): Promise<string> {
    this.#registry ??= this.#makeRegistry()
    const registry = await this.#registry
    // One reading for all metrics: they agree with each other.
    this.#stats = this.#balancer.stats()
    return await registry.metrics()
  }

  async #makeRegistry(): Promise<Registry> {
    const { default: library } = await import('prom-client')
    const own = new library.Registry()
    for (const definition of DEFINITIONS) register(library, own, definition, () => this.#stats)
    for (const definition of HISTOGRAMS) own.registerMetric(histogramOf(library, definition, () => this.#stats))
    return library.Registry.merge([own, registryOfProcess(library)])
  }
}

function registryOfProcess(library: Library): Registry {
  if (processRegistry === undefined) {
    processRegistry = new library.Registry()
    library.collectDefaultMetrics({ register: processRegistry })
  }
  return processRegistry
}

/** A metric that is read when it is asked for; what a removed backend had is forgotten by the reset. */
function register(
  library: Library,
  registry: Registry,
  { name, kind, help, labels, read }: Definition,
  stats: () => Stats | undefined,
): void {
  const settings = { name, help, labelNames: labels, registers: [registry] }
  const { Counter, Gauge } = library
  const metric = kind === 'counter' ? new Counter({ ...settings, collect }) : new Gauge({ ...settings, collect })
  function collect(): void {
    metric.reset()
    const figures = stats()
    if (figures === undefined) return
    for (const { labels: values, value } of read(figures)) metric.inc(values, value)
  }
}

/** The library's own histogram counts what it is told one by one; this one has its buckets counted elsewhere. */
function histogramOf(
  { Histogram }: Library,
  { name, help, read }: HistogramDefinition,
  stats: () => Stats | undefined,
): Metric {
  const make = () => new Histogram({ name, help, registers: [] })
  // Says what does not change.
  const empty = make()
  const get: typeof empty.get = async () => {
    const figures = stats()
    const values = figures === undefined ? [] : bucketsOf(name, read(figures))
    return { ...(await empty.get()), values }
  }
  // The second is what the registry calls for text.
  return Object.assign(make(), { get, getForPromString: get })
}

/** Buckets of Prometheus have what is in those before, too. */
function bucketsOf(name: string, { bounds, counts, sum }: Histogram): MetricValueWithName<'le'>[] {
  let total = 0
  const buckets = counts.map((count, at) => {
    total += count
    return { metricName: `${name}_bucket`, labels: { le: bounds[at] ?? '+Inf' }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: sum },
    { metricName: `${name}_count`, labels: {}, value: total },
  ]
}
