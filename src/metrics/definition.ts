import type { ClusterStatus } from '../cluster/status.ts'
import type { DiscoveryStatus } from '../discovery/discovery.ts'
import type { BackendAgent } from '../pool/agents.ts'
import type { BackendInfo } from '../pool/pool.ts'
import type { TableFileStats } from '../pool/table-file.ts'
import type { SessionCounts } from '../relay/counters.ts'
import type { PoolStats, Stats } from '../stats.ts'

/** One value of a metric, with the values of its labels. */
export interface Sample {
  labels: Record<string, string>
  value: number
}

/** One metric, and how it is read from the figures of a balancer; docs/metrics.md says what each means. */
export interface Definition {
  name: string
  kind: 'counter' | 'gauge'
  help: string
  labels: readonly string[]
  read(stats: Stats): Sample[]
}

export function gauge(name: string, help: string, labels: readonly string[], read: Definition['read']): Definition {
  return { name, kind: 'gauge', help, labels, read }
}

export function counted(name: string, help: string, counter: keyof SessionCounts): Definition {
  return { name, kind: 'counter', help, labels: [], read: ({ counters }) => alone(counters[counter]) }
}

export function countedBy(
  name: string,
  help: string,
  label: string,
  columns: Record<string, keyof SessionCounts>,
): Definition {
  const read = ({ counters }: Stats) =>
    Object.entries(columns).map(([value, counter]) => sample({ [label]: value }, counters[counter]))
  return { name, kind: 'counter', help, labels: [label], read }
}

export function perPool(
  kind: Definition['kind'],
  name: string,
  help: string,
  labels: readonly string[],
  read: (pool: PoolStats) => Sample[],
): Definition {
  const readAll = ({ pools }: Stats) =>
    Object.entries(pools).flatMap(([pool, figures]) => within({ pool }, read(figures)))
  return { name, kind, help, labels: ['pool', ...labels], read: readAll }
}

/** Only for pools whose stick table has a file. */
export function perTableFile(
  kind: Definition['kind'],
  name: string,
  help: string,
  figure: keyof TableFileStats,
): Definition {
  return perPool(kind, name, help, [], ({ table: { file } }) => (file === undefined ? [] : alone(file[figure])))
}

/** Only where there is a cluster. */
export function ofCluster(
  kind: Definition['kind'],
  name: string,
  help: string,
  labels: readonly string[],
  read: (cluster: ClusterStatus) => Sample[],
): Definition {
  return { kind, name, help, labels, read: ({ cluster }) => (cluster === undefined ? [] : read(cluster)) }
}

/** Only for pools whose backends are found. */
export function perDiscovery(
  kind: Definition['kind'],
  name: string,
  help: string,
  labels: readonly string[],
  read: (discovery: DiscoveryStatus) => Sample[],
): Definition {
  return perPool(kind, name, help, labels, ({ discovery }) => (discovery === undefined ? [] : read(discovery)))
}

export function perBackend(
  kind: Definition['kind'],
  name: string,
  help: string,
  labels: readonly string[],
  read: (backend: BackendInfo) => Sample[],
): Definition {
  return perPool(kind, name, help, ['backend', ...labels], ({ backends }) =>
    backends.flatMap(backend => within({ backend: backend.name }, read(backend))),
  )
}

/** Only for backends whose agent is asked. */
export function perAgent(
  kind: Definition['kind'],
  name: string,
  help: string,
  labels: readonly string[],
  read: (agent: BackendAgent) => Sample[],
): Definition {
  return perBackend(kind, name, help, labels, ({ agent }) => (agent === undefined ? [] : read(agent)))
}

export function sample(labels: Record<string, string>, value: number): Sample {
  return { labels, value }
}

export function alone(value: number): Sample[] {
  return [sample({}, value)]
}

export function by(label: string, values: Record<string, number>): Sample[] {
  return Object.entries(values).map(([value, count]) => sample({ [label]: value }, count))
}

export function within(labels: Record<string, string>, samples: Sample[]): Sample[] {
  return samples.map(inner => sample({ ...labels, ...inner.labels }, inner.value))
}
