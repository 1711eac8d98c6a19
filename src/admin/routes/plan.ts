import type { PlanChange } from '../../pool/plan.ts'
import { readBody } from '../body.ts'
import type { Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { poolOf } from './pools.ts'

export const planChange: Route = {
  method: 'post',
  path: '/v1/pools/:pool/plan',
  summary: 'What changes of backends would move, and whereto; changes nothing.',
  body: BODIES.planChange,
  answers: { 200: { description: 'Shares of the clients, pins and sessions.', body: BODIES.plan } },
  handle: async (call, { balancer }) => {
    const pool = poolOf(call, balancer)
    return call.json(pool.plan((await readBody(call.env.incoming)) as PlanChange))
  },
}
