import { z } from 'zod'
import type { Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { poolOf } from './pools.ts'

export const explainAddress: Route = {
  method: 'get',
  path: '/v1/pools/:pool/explain',
  summary: 'Where a client belongs, its pin, and where it would go now; changes nothing.',
  query: z
    .strictObject({
      address: z.string().optional().describe('An IP address, without a port.'),
      key: z.string().min(1).optional().describe('Or a key that is none, in UTF-8.'),
    })
    .refine(({ address, key }) => (address === undefined) !== (key === undefined), 'either address or key'),
  answers: {
    200: { description: 'Key, home, order, pin, and the next backend with its reason.', body: BODIES.explanation },
  },
  handle: (call, { balancer }) => {
    const { address, key } = call.req.query()
    const pool = poolOf(call, balancer)
    return call.json(
      key === undefined ? pool.explain(address ?? '') : { ...pool.explain(Buffer.from(key)), address: key },
    )
  },
}
