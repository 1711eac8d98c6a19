import { z } from 'zod'
import { MOST_HOT_KEYS } from '../../pool/live-keys.ts'
import type { Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { requestError } from '../security.ts'
import { poolOf } from './pools.ts'

export const listKeys: Route = {
  method: 'get',
  path: '/v1/pools/:pool/keys',
  summary: 'Keys that have live sessions: the busiest ones, and who of whom is where.',
  query: z.strictObject({
    top: z.string().optional().describe(`How many of the busiest, 0 to ${MOST_HOT_KEYS}; 10 without it.`),
  }),
  answers: { 200: { description: 'Those of now.', body: BODIES.keys } },
  handle: async (call, { balancer }) => {
    const top = topOf(call.req.query('top'))
    return call.json(await poolOf(call, balancer).liveKeys({ top }))
  },
}

function topOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const top = /^\d{1,4}$/.test(text) ? Number(text) : -1
  if (top >= 0 && top <= MOST_HOT_KEYS) return top
  throw requestError(400, `the parameter "top" is a number from 0 to ${MOST_HOT_KEYS}`)
}
