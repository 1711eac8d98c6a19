import { paceArgument } from '../../sessions/paced-close.ts'
import { checkedBody } from '../body.ts'
import { AdminError } from '../errors.ts'
import type { Call, Route } from '../route.ts'
import { BODIES } from '../schemas.ts'

const CLOSINGS = '/v1/closings'

export const listClosings: Route = {
  method: 'get',
  path: CLOSINGS,
  summary: 'The closings of sessions at a pace that run, and the last ones that are over.',
  answers: { 200: { description: 'The oldest first.', body: BODIES.closings } },
  handle: (call, { balancer }) => call.json({ closings: balancer.closings.list() }),
}

export const startClosing: Route = {
  method: 'post',
  path: CLOSINGS,
  summary: 'Closes the sessions of a pool, a backend or a listener: the longest idle first, so many a second.',
  body: BODIES.newClosing,
  answers: { 202: { description: 'It has begun.', body: BODIES.closing } },
  handle: async (call, { balancer }) => {
    const { perSecond, deadline, ...filter } = await checkedBody(call.env.incoming, BODIES.newClosing.schema)
    const { info } = await balancer.closings.begin('asked', filter, paceArgument({ perSecond, deadlineMs: deadline }))
    return call.json(info, 202)
  },
}

export const showClosing: Route = {
  method: 'get',
  path: `${CLOSINGS}/:closing`,
  summary: 'How far a closing of sessions is.',
  answers: { 200: { description: 'It runs, or is over.', body: BODIES.closing } },
  handle: (call, { balancer }) => {
    const id = idOf(call)
    return call.json(balancer.closings.get(id) ?? unknown(id))
  },
}

export const stopClosing: Route = {
  method: 'delete',
  path: `${CLOSINGS}/:closing`,
  summary: 'Stops a closing of sessions: what is left lives on.',
  answers: { 200: { description: 'It is over.', body: BODIES.closing } },
  handle: (call, { balancer }) => {
    const id = idOf(call)
    return call.json(balancer.closings.stop(id) ?? unknown(id))
  },
}

function idOf(call: Call): string {
  return call.req.param('closing') ?? ''
}

function unknown(id: string): never {
  throw new AdminError(404, 'LIMPET_ERR_UNKNOWN_CLOSING', `there is no closing ${JSON.stringify(id)}`)
}
