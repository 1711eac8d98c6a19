import { z } from 'zod'
import type { Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { poolOf } from './pools.ts'

export const explainAddress: Route = {
  method: 'get',
  path: '/v1/pools/:pool/explain',
  summary: 'Where a client belongs, and its pin; changes nothing.',
  query: z.strictObject({ address: z.string().describe('An IP address, without a port.') }),
  answers: { 200: { description: 'Key, home, order and pin.', body: BODIES.explanation } },
  handle: (call, { balancer }) => call.json(poolOf(call, balancer).explain(call.req.query('address') ?? '')),
}
