import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { z } from 'zod'
import type { Route } from '../route.ts'
import { requestError } from '../security.ts'

export const followSessions: Route = {
  method: 'get',
  path: '/v1/log',
  summary: 'Sessions that end, as server-sent events, whether log.sessions is on or not. `x-log` has what they carry.',
  query: z.strictObject({
    pool: z.string().optional().describe('Name of the pool.'),
    backend: z.string().optional().describe('Name of the backend.'),
    listener: z.string().optional().describe('Name of the listener.'),
    share: z.string().optional().describe('So many of them, chosen at random: 0.01 is one in a hundred.'),
  }),
  answers: {
    200: { description: 'A stream that does not end; the first event is `hello`.', body: 'text/event-stream' },
  },
  handle: (call, { balancer, sessions }) => {
    const { outgoing } = call.env
    if ('stream' in outgoing) throw new TypeError('the admin API speaks HTTP/1.1 only')
    const { pool, backend, listener, share } = call.req.query()
    if (pool !== undefined) balancer.pool(pool)
    if (listener !== undefined) balancer.address(listener)
    sessions.subscribe(outgoing, { pool, backend, listener, share: shareOf(share) })
    return RESPONSE_ALREADY_SENT
  },
}

function shareOf(text: string | undefined): number {
  if (text === undefined) return 1
  const share = /^\d{0,3}(\.\d{1,9})?$/.test(text) ? Number(text) : 0
  if (share > 0 && share <= 1) return share
  throw requestError(400, 'the parameter "share" is a number above 0, and at most 1')
}
