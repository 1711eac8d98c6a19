import { threadPrivileges } from '../../os/thread-privileges.ts'
import { VERSION } from '../../package-info.ts'
import type { Route } from '../route.ts'
import { BODIES } from '../schemas.ts'

export const showStatus: Route = {
  method: 'get',
  path: '/v1/status',
  summary: 'The process, what its threads may do, and all figures.',
  answers: { 200: { description: 'Figures of now.', body: BODIES.status } },
  handle: (call, { balancer, file }) => {
    const stats = balancer.stats()
    return call.json({
      version: VERSION,
      pid: process.pid,
      startedAt: new Date(performance.timeOrigin).toISOString(),
      uptimeMs: Math.round(performance.now()),
      status: balancer.status,
      config: file ?? null,
      generation: stats.generation,
      closings: balancer.closings.list().filter(({ state }) => state === 'running'),
      threads: threadPrivileges(),
      stats,
    })
  },
}
