import type { Finding } from './parsed.ts'
import type { View } from './view.ts'

/** What needs other balancers, and there is no `cluster` that says where they are. */
export function clusterFindings({ cluster, pools }: View): Finding[] {
  if (cluster !== undefined) return []
  const message = 'the others are not known: there is no cluster'
  return pools.flatMap(({ name, boundScope }) => {
    const path = ['pools', name, 'boundedLoad', 'scope']
    return boundScope === 'cluster' ? [{ path, message, accepted: 'local; or a cluster beside the pools' }] : []
  })
}
