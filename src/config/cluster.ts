import { readStoreAddress, STORE_URLS, type StoreAddress, storeText } from '../cluster/store/store-address.ts'
import type { ClusterMembership } from './cluster-options.ts'
import { formatDuration } from './duration.ts'
import type { Finding } from './parsed.ts'
import type { PoolSecret } from './pool-secret.ts'

/** Balancers that share their exceptions. Times are in milliseconds. */
export interface ResolvedCluster {
  /** {@link storeOf} reads it. */
  readonly url: PoolSecret
  readonly name: string
  readonly prefix: string
  /** Absolute path; undefined: the certificates of the system. */
  readonly ca: string | undefined
  readonly startTimeout: number
  readonly switchTimeout: number
  readonly membership: ClusterMembership
}

/** In the shape of the document. */
export interface DescribedCluster {
  /** Where the URL came from, never the URL. */
  url: string
  name: string
  prefix: string
  ca: string
  startTimeout: string
  switchTimeout: string
  membership: ClusterMembership
}

export function describeCluster(cluster: ResolvedCluster): DescribedCluster {
  const { url, name, prefix, ca, startTimeout, switchTimeout, membership } = cluster
  const [start, switched] = [startTimeout, switchTimeout].map(formatDuration) as [string, string]
  return {
    url: url.toString(),
    ...{ name, prefix, ca: ca ?? 'off', membership },
    ...{ startTimeout: start, switchTimeout: switched },
  }
}

/** What is wrong with a URL. */
export function storeFindings(url: PoolSecret | undefined): Finding[] {
  const read = url === undefined ? undefined : readStoreAddress(url.bytes().toString())
  return typeof read === 'string' ? [{ path: ['cluster', 'url'], message: read, accepted: STORE_URLS }] : []
}

/** The store of a configuration that was checked, with its passwords. */
export function storeOf({ url }: ResolvedCluster): StoreAddress {
  const read = readStoreAddress(url.bytes().toString())
  if (typeof read === 'string') throw new TypeError(read)
  return read
}

/** What it is, and where, without what is secret. */
export function clusterText(cluster: ResolvedCluster): string {
  return `${cluster.name} at ${storeText(storeOf(cluster))}`
}
