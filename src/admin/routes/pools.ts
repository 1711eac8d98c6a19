import type { Balancer } from '../../balancer.ts'
import type { Pool } from '../../pool/pool.ts'
import type { PoolStats } from '../../stats.ts'
import type { Call, Route } from '../route.ts'
import { BODIES } from '../schemas.ts'

export const listPools: Route = {
  method: 'get',
  path: '/v1/pools',
  summary: 'All pools and their figures.',
  answers: { 200: { description: 'In the order of the configuration.', body: BODIES.pools } },
  handle: (call, { balancer }) => {
    const pools = Object.entries(balancer.stats().pools)
    return call.json({ pools: pools.map(([name, stats]) => ({ name, ...stats })) })
  },
}

export const showPool: Route = {
  method: 'get',
  path: '/v1/pools/:pool',
  summary: 'One pool and its figures.',
  answers: { 200: { description: 'Figures of now.', body: BODIES.pool } },
  handle: (call, { balancer }) => {
    const { name } = poolOf(call, balancer)
    const stats = balancer.stats().pools[name] as PoolStats
    return call.json({ name, ...stats })
  },
}

/** The pool of the path. */
export function poolOf(call: Call, balancer: Balancer): Pool {
  return balancer.pool(call.req.param('pool') ?? '')
}
