import { z } from 'zod'
import type { SessionInfo } from '../../sessions/info.ts'
import { AdminError } from '../errors.ts'
import type { Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { requestError } from '../security.ts'

/** Most that one answer has. */
const MOST = 10_000
const USUAL = 1000

export const listSessions: Route = {
  method: 'get',
  path: '/v1/sessions',
  summary: 'Sessions that live now.',
  query: z.strictObject({
    pool: z.string().optional().describe('Name of the pool.'),
    backend: z.string().optional().describe('Name of the backend.'),
    listener: z.string().optional().describe('Name of the listener.'),
    limit: z.string().optional().describe(`Most that are told, 1 to ${MOST}; ${USUAL} without it.`),
  }),
  answers: { 200: { description: 'In no order; more: there are others.', body: BODIES.sessions } },
  handle: async (call, { balancer }) => {
    const { pool, backend, listener, limit } = call.req.query()
    const most = limitOf(limit)
    const sessions: SessionInfo[] = []
    for await (const session of balancer.sessions({ pool, backend, listener })) {
      if (sessions.length === most) return call.json({ sessions, more: true })
      sessions.push(session)
    }
    return call.json({ sessions, more: false })
  },
}

export const closeSession: Route = {
  method: 'delete',
  path: '/v1/sessions/:session',
  summary: 'Closes a session; its client may come back at once.',
  answers: { 204: { description: 'It is gone in a moment.' } },
  handle: async (call, { balancer }) => {
    const id = call.req.param('session') ?? ''
    if (await balancer.closeSession(id)) return call.body(null, 204)
    throw new AdminError(404, 'LIMPET_ERR_UNKNOWN_SESSION', `there is no session ${JSON.stringify(id)}`)
  },
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return USUAL
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= MOST) return limit
  throw requestError(400, `the parameter "limit" is a number from 1 to ${MOST}`)
}
