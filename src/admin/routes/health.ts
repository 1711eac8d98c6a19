import type { BackendInfo } from '../../pool/pool.ts'
import type { Stats } from '../../stats.ts'
import type { Route } from '../route.ts'

export const isAlive: Route = {
  method: 'get',
  path: '/livez',
  summary: 'Whether the process answers.',
  isOpen: true,
  answers: { 200: { description: 'It does.', body: 'text/plain' } },
  handle: call => call.text('ok\n'),
}

export const isReady: Route = {
  method: 'get',
  path: '/readyz',
  summary: 'Whether clients can be served: it listens, and every pool has a backend that may serve.',
  isOpen: true,
  answers: {
    200: { description: '`ok`, or `degraded:` and why.', body: 'text/plain' },
    503: { description: 'Why they cannot.', body: 'text/plain' },
  },
  handle: (call, { balancer }) => {
    if (balancer.status !== 'listening') return call.text(`the balancer is ${balancer.status}\n`, 503)
    const stats = balancer.stats()
    const reason = unreadiness(stats)
    if (reason !== undefined) return call.text(`${reason}\n`, 503)
    return call.text(`${degradation(stats) ?? 'ok'}\n`)
  },
}

function unreadiness({ pools }: Stats): string | undefined {
  const idle = Object.entries(pools).find(
    ([, { backends, isFailOpen }]) => !backends.some(backend => mayServe(backend, isFailOpen)),
  )
  if (idle === undefined) return undefined
  const [name, { discovery }] = idle
  const why = discovery?.error === undefined ? '' : ` (${discovery.source}: ${discovery.error})`
  return `no backend of the pool ${name} may serve${why}`
}

/** Clients are served, by backends that nobody has confirmed, or without what other balancers know. */
function degradation({ cluster, pools }: Stats): string | undefined {
  if (cluster?.error !== undefined || cluster?.isSynced === false)
    return `degraded: exceptions are not shared (${cluster.store}: ${cluster.error ?? 'it was not reached yet'})`
  const unfit = cluster?.rosters.find(({ error }) => error !== undefined)
  if (unfit !== undefined)
    return `degraded: the shared backends of the pool ${unfit.pool} cannot be used (${unfit.error})`
  const stale = Object.entries(pools).find(([, { discovery }]) => discovery?.isFresh === false)
  if (stale === undefined) return undefined
  const [name, { discovery }] = stale
  const { source = '', error = 'it was not looked yet' } = discovery ?? {}
  return `degraded: the backends of the pool ${name} are those that were found before (${source}: ${error})`
}

/** A backend that drains serves the clients that it has a pin of, but nobody new. */
function mayServe({ state, weight, health }: BackendInfo, isFailOpen: boolean): boolean {
  return state === 'ready' && weight > 0 && (isFailOpen || health?.status !== 'down')
}
