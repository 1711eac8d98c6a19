import type { Balancer } from '../../balancer.ts'
import type { BackendInfo } from '../../pool/pool.ts'
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
    const reason = unreadiness(balancer)
    if (reason !== undefined) return call.text(`${reason}\n`, 503)
    return call.text(`${degradation(balancer) ?? 'ok'}\n`)
  },
}

function unreadiness(balancer: Balancer): string | undefined {
  if (balancer.status !== 'listening') return `the balancer is ${balancer.status}`
  const { pools } = balancer.stats()
  const idle = Object.entries(pools).find(
    ([, { backends, isFailOpen }]) => !backends.some(backend => mayServe(backend, isFailOpen)),
  )
  if (idle === undefined) return undefined
  const [name, { discovery }] = idle
  const why = discovery?.error === undefined ? '' : ` (${discovery.source}: ${discovery.error})`
  return `no backend of the pool ${name} may serve${why}`
}

/** Clients are served, by backends that nobody has confirmed. */
function degradation(balancer: Balancer): string | undefined {
  const stale = Object.entries(balancer.stats().pools).find(([, { discovery }]) => discovery?.isFresh === false)
  if (stale === undefined) return undefined
  const [name, { discovery }] = stale
  const { source = '', error = 'it was not looked yet' } = discovery ?? {}
  return `degraded: the backends of the pool ${name} are those that were found before (${source}: ${error})`
}

/** A backend that drains serves the clients that it has a pin of, but nobody new. */
function mayServe({ state, weight, health }: BackendInfo, isFailOpen: boolean): boolean {
  return state === 'ready' && weight > 0 && (isFailOpen || health?.status !== 'down')
}
