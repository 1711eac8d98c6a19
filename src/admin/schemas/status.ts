import { z } from 'zod'
import type { BalancerStatus } from '../../balancer-types.ts'
import { SESSION_COUNTERS, type SessionCounter } from '../../native.ts'
import type { ThreadPrivileges } from '../../os/thread-privileges.ts'
import type { Histogram } from '../../relay/durations.ts'
import type { ReloadResult } from '../../reload/result.ts'
import type { ListenerStats, Stats } from '../../stats.ts'
import { change } from './backend.ts'
import { cluster } from './cluster.ts'
import { byName, count, milliseconds, type Told } from './parts.ts'
import { poolStats } from './pool.ts'
import { closing } from './sessions.ts'

export const listener = z.strictObject({
  address: z
    .union([z.string(), z.strictObject({ address: z.string(), family: z.string(), port: count })])
    .nullable()
    .describe('Null while it is not open.'),
  pool: z.string().optional().describe('Absent: its routes choose.'),
  pools: z.array(z.string()).optional().describe('Pools that its routes choose among; absent: there is one pool.'),
  sessions: count,
}) satisfies z.ZodType<Told<ListenerStats>>

const histogram = z.strictObject({
  bounds: z.array(z.number().positive()).describe('Upper ends of buckets, inclusive, in seconds.'),
  counts: z.array(count).describe('What fell into each, and not into one before; the last: what took longer.'),
  sum: z.number().nonnegative().describe('Seconds.'),
}) satisfies z.ZodType<Histogram>

const stats = z.strictObject({
  generation: count,
  sessions: count,
  counters: byName<SessionCounter>(SESSION_COUNTERS),
  durations: z.strictObject({ connect: histogram, session: histogram }),
  listeners: z.record(z.string(), listener),
  pools: z.record(z.string(), z.strictObject(poolStats)),
  fdBudget: z.strictObject({ used: count, limit: count }),
  cluster: cluster.optional().describe('Absent: it shares nothing with other balancers.'),
}) satisfies z.ZodType<Told<Stats>>

const statuses = ['idle', 'opening', 'listening', 'closing', 'closed'] as const satisfies readonly BalancerStatus[]

const thread = z.strictObject({
  id: count,
  name: z.string(),
  uid: count.describe('Effective user.'),
  gid: count.describe('Effective group.'),
  capabilities: z.string().describe('Effective ones: 16 hex digits, a bit each.'),
  noNewPrivileges: z.boolean(),
}) satisfies z.ZodType<ThreadPrivileges>

export const status = z.strictObject({
  version: z.string(),
  pid: count,
  startedAt: z.iso.datetime(),
  uptimeMs: milliseconds,
  status: z.enum(statuses),
  config: z.string().nullable().describe('The file of the configuration.'),
  generation: count.describe('Number of the state: one more with every change of backends, and with every reload.'),
  closings: z.array(closing).describe('Closings of sessions that run.'),
  threads: z.array(thread).describe('What each thread of the process may do. Empty: the system does not tell.'),
  stats,
})

export const reload = z.strictObject({
  generation: count,
  added: z.array(change),
  updated: z.array(change),
  removed: z.array(change),
  settings: z
    .array(
      z.strictObject({
        path: z.string().describe('Its place; listeners and pools by their names, like `listeners.public.backlog`.'),
        kind: z.enum(['added', 'changed', 'removed']),
      }),
    )
    .describe('Settings besides backends, and listeners and pools that are new or gone.'),
}) satisfies z.ZodType<Told<ReloadResult>>

/** What is not described key by key here: `limpet check --json` prints the same, and limpet.schema.json describes it. */
export const config = z.looseObject({
  listeners: z.array(z.looseObject({})),
  pools: z.record(z.string(), z.looseObject({})),
})
