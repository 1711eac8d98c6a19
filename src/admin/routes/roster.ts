import { z } from 'zod'
import type { RosterOptions } from '../../cluster/rosters/status.ts'
import type { Pool } from '../../pool/pool.ts'
import type { Call, Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { requestError } from '../security.ts'
import { poolOf } from './pools.ts'

const ONE = '/v1/pools/:pool/roster'
const MOST_CHANGES = 1000
/** What a client may call itself. */
const ACTOR = 'limpet-actor'

/** How a change of backends may be asked for; besides, `If-Match` has the version that it is for. */
export const changeQuery = z.strictObject({
  local: z
    .enum(['true', 'false'])
    .optional()
    .describe('Whether it is made at this balancer only, where backends are shared.'),
})

export const listRosterChanges: Route = {
  method: 'get',
  path: `${ONE}/changes`,
  summary: 'The last changes of shared backends at any balancer: who, when, and what.',
  query: z.strictObject({
    limit: z.string().optional().describe(`How many at most, 1 to ${MOST_CHANGES}; 100 without it.`),
  }),
  answers: { 200: { description: 'The latest first.', body: BODIES.rosterChanges } },
  handle: async (call, { balancer }) => {
    const pool = poolOf(call, balancer)
    return call.json({ changes: await pool.roster.changes(limitOf(call.req.query('limit'))) })
  },
}

export const forgetRoster: Route = {
  method: 'delete',
  path: ONE,
  summary: 'Makes the backends those of the configuration again, at all balancers.',
  answers: { 200: { description: 'They are, here; at the others in about a second.', body: BODIES.rosterVersion } },
  handle: async (call, { balancer, turns }) => {
    const pool = poolOf(call, balancer)
    const { ifVersion, actor } = rosterOptions(call)
    const version = await turns.take(() => pool.roster.forget({ ifVersion, actor }))
    tellVersion(call, pool)
    return call.json({ version })
  },
}

/** Who asks, for which version, and whether it is for this balancer only. */
export function rosterOptions(call: Call): RosterOptions {
  return {
    ifVersion: versionOf(call.req.header('if-match')),
    local: call.req.query('local') === 'true',
    actor: call.req.header(ACTOR),
  }
}

/** The version of shared backends is their entity tag. */
export function tellVersion(call: Call, { roster }: Pool): void {
  if (roster.version !== undefined) call.header('etag', `"${roster.version}"`)
}

function versionOf(tag: string | undefined): number | undefined {
  if (tag === undefined || tag === '*') return undefined
  const [, version] = /^"?(\d{1,15})"?$/.exec(tag) ?? []
  if (version === undefined) throw requestError(400, 'the header If-Match has the version of a roster, like "7"')
  return Number(version)
}

function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= MOST_CHANGES) return limit
  throw requestError(400, `the parameter "limit" is a number from 1 to ${MOST_CHANGES}`)
}
