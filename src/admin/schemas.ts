import { z } from 'zod'
import type {
  BackendAgentChange,
  BackendChange,
  BackendEjection,
  BackendHealthChange,
  BalancerStatus,
  ClientsMoved,
} from '../balancer-types.ts'
import { LONGEST_TIMER_MS, LONGEST_TTL_MS } from '../config/duration.ts'
import type { BackendHealthOptions } from '../config/options.ts'
import { duration } from '../config/scalars.ts'
import { backendChangesSchema, backendSchema, planSchema } from '../config/schema.ts'
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { REASONS, type Reason, SESSION_COUNTERS, type SessionCounter } from '../native.ts'
import type { ThreadPrivileges } from '../os/thread-privileges.ts'
import type { BackendAgent } from '../pool/agents.ts'
import type { BackendHealth } from '../pool/health.ts'
import type { LiveKeys } from '../pool/live-keys.ts'
import type { MovedClients } from '../pool/moves.ts'
import type { Plan } from '../pool/plan.ts'
import type { BackendInfo, Explanation } from '../pool/pool.ts'
import type { PinInfo, SavedCounts } from '../pool/table.ts'
import { PINS_AT_ONCE } from '../pool/table-lines.ts'
import type { Histogram } from '../relay/durations.ts'
import type { SessionClosed } from '../relay/session-feed.ts'
import type { ReloadResult } from '../reload/result.ts'
import type { ClosingInfo } from '../sessions/closings.ts'
import type { SessionInfo } from '../sessions/info.ts'
import { MOST_PER_SECOND } from '../sessions/paced-close.ts'
import type { RebalanceInfo } from '../sessions/rebalancer.ts'
import type { ListenerStats, PoolStats, Stats, TableStats } from '../stats.ts'
import type { ErrorBody } from './errors.ts'
import type { Named } from './route.ts'

const count = z.number().int().nonnegative()
const milliseconds = z.number().nonnegative()

const state = z.enum(['ready', 'drain', 'drain-hard', 'maint'])
const checks = z
  .union([z.literal('off'), z.looseObject({})])
  .describe(
    'What is different in its checks, as health of a backend in the configuration; absent: nothing.',
  ) as z.ZodType<Told<BackendHealthOptions> | 'off'>
const settings = {
  name: z.string(),
  address: z.string(),
  weight: count,
  maxSessions: count,
  backup: z.boolean(),
  state,
  checks: checks.optional(),
}

const health = z.strictObject({
  status: z.enum(['up', 'down', 'unknown']),
  reason: z.string().optional(),
  since: milliseconds.optional().describe('Milliseconds since the epoch.'),
  ejectedUntil: milliseconds.optional().describe('Milliseconds since the epoch; absent: it is not ejected.'),
}) satisfies z.ZodType<Told<BackendHealth>>

const agent = z.strictObject({
  isReached: z.boolean().describe('Whether it answered last time; if not, what it said before holds.'),
  weight: z.number().int().min(0).max(100).describe('Per cent of the configured weight.'),
  state: z.enum(['ready', 'drain', 'maint']),
  isUp: z.boolean(),
  reason: z.string().optional(),
  maxSessions: count.describe('0: it sets no limit.'),
  failures: count,
}) satisfies z.ZodType<Told<BackendAgent>>

const backend = z.strictObject({
  ...settings,
  health: health.optional(),
  agent: agent.optional().describe('What its agent has said; absent: it is not asked.'),
  ramp: z.number().min(0).max(1).optional().describe('While it warms up; absent: it takes all of its clients.'),
  sessions: count,
  inherited: count.optional().describe('Those in the process whose place this one has taken; absent: none.'),
  takesNew: z.boolean().describe('Whether new clients come to it now.'),
  bound: count.nullable().describe('New clients come while it has fewer sessions. Null: no bound, or no new clients.'),
  total: count,
  connectFailures: count,
}) satisfies z.ZodType<Told<BackendInfo>>

const table = z.strictObject({
  entries: count,
  capacity: count,
  bytes: count,
  hits: count,
  misses: count,
  inserted: count,
  evicted: z.strictObject({ expired: count, home: count, away: count, aged: count }),
  rejected: count,
  file: z.strictObject({ generation: count, restored: count, dropped: count, torn: count, setAside: count }).optional(),
}) satisfies z.ZodType<Told<TableStats>>

const rebalance = z.strictObject({
  pool: z.string(),
  backends: z.array(z.string()).describe('Those that are back, or new.'),
  state: z.enum(['running', 'done', 'stopped']),
  since: milliseconds.describe('Milliseconds since the epoch.'),
  total: count.describe('Clients that were off home when it began.'),
  moved: count,
  left: count,
  remainingMs: milliseconds,
}) satisfies z.ZodType<RebalanceInfo>

const moved = z.strictObject({
  time: milliseconds.describe('Milliseconds since the epoch.'),
  homesMoved: z.number().min(0).max(1).describe('Share of the key space that got another home.'),
  sample: count,
  isExact: z.boolean(),
  pinsMoved: count,
}) satisfies z.ZodType<MovedClients>

const poolStats = {
  digest: z.string(),
  roster: count,
  seats: count,
  outstandingPicks: count,
  decisions: byName<Reason>(REASONS),
  refused: z.strictObject({ noBackend: count, poolFull: count, keySessions: count, keyRate: count }),
  sharedRates: count,
  held: count,
  queue: z.strictObject({
    waiting: count,
    waited: count,
    waitedMs: count,
    timedOut: count,
    refused: count,
    left: count,
  }),
  hotKeys: count.describe('Keys whose clients are spread over several backends now.'),
  spreadPicks: count.describe('Picks for such keys.'),
  broughtHome: count.describe('Clients that rebalance brought home.'),
  rebalance: rebalance.optional().describe('The last time that clients were brought home; absent: they never were.'),
  table,
  isFailOpen: z.boolean(),
  lastMove: moved.optional().describe('What the last change that moved clients has moved.'),
  backends: z.array(backend),
}

const pool = z.strictObject({ name: z.string(), ...poolStats }) satisfies z.ZodType<Told<PoolStats & { name: string }>>

const listener = z.strictObject({
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
}) satisfies z.ZodType<Told<Stats>>

const statuses = ['idle', 'opening', 'listening', 'closing', 'closed'] as const satisfies readonly BalancerStatus[]

const closing = z.strictObject({
  id: z.string(),
  cause: z.enum(['asked', 'down']).describe('down: the backend is down, and health.onDown wants it.'),
  pool: z.string().optional(),
  backend: z.string().optional(),
  listener: z.string().optional(),
  state: z.enum(['running', 'done', 'stopped']),
  since: milliseconds.describe('Milliseconds since the epoch.'),
  total: count.describe('Sessions that there were.'),
  closed: count.describe('Of these, those that were closed.'),
  remainingMs: milliseconds.describe('How long the rest will take.'),
}) satisfies z.ZodType<Told<ClosingInfo>>

const thread = z.strictObject({
  id: count,
  name: z.string(),
  uid: count.describe('Effective user.'),
  gid: count.describe('Effective group.'),
  capabilities: z.string().describe('Effective ones: 16 hex digits, a bit each.'),
  noNewPrivileges: z.boolean(),
}) satisfies z.ZodType<ThreadPrivileges>

const status = z.strictObject({
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

const explanation = z.strictObject({
  address: z.string(),
  key: z.string(),
  home: z.string().optional().describe('Absent: no backend has a weight.'),
  order: z.array(z.string()),
  pin: z
    .strictObject({
      backend: z.string(),
      expiresInMs: milliseconds.optional().describe('Absent: a session lives.'),
      returns: z.literal(true).optional().describe('A connection now would go home; absent: it would not.'),
    })
    .optional(),
  spread: z.array(z.string()).optional().describe('Backends that its clients are spread over; absent: one.'),
  next: z
    .strictObject({
      backend: z.string(),
      reason: z.enum(REASONS),
      sessions: count.describe('On it now.'),
      bound: count.nullable().describe('New clients come to it while it has fewer. Null: no bound, or none come.'),
    })
    .optional()
    .describe('Where a connection would go now. Absent: nobody would serve it, or it cannot be told.'),
}) satisfies z.ZodType<Told<Explanation>>

const share = z.number().min(0).max(1)

const plan = z.strictObject({
  homesMoved: share,
  sample: count,
  isExact: z.boolean(),
  pinsMoved: count,
  sessionsMoved: count,
  returnHome: z.enum(['never', 'next-connect', 'after-idle']),
  backends: z.array(z.strictObject({ name: z.string(), before: share, after: share })),
  moves: z.array(z.strictObject({ from: z.string().nullable(), to: z.string().nullable(), share })),
}) satisfies z.ZodType<Plan>

const keys = z.strictObject({
  keys: count.describe('How many keys have live sessions.'),
  sessions: count.describe('Those sessions.'),
  hottest: z
    .array(
      z.strictObject({
        key: z.string(),
        sessions: count,
        home: z.string().nullable(),
        backends: z.array(z.strictObject({ name: z.string(), sessions: count })),
        spread: count.optional().describe('Backends that its clients are spread over; absent: they are not.'),
      }),
    )
    .describe('Most sessions first.'),
  places: z
    .array(z.strictObject({ home: z.string().nullable(), backend: z.string(), sessions: count }))
    .describe('Sessions on a backend, of keys with one home.'),
}) satisfies z.ZodType<Told<LiveKeys>>

const pin = z.strictObject({
  key: z.string().describe('An address with its prefix; # and hex digits: only kept as a hash.'),
  backend: z.string(),
  isAway: z.boolean(),
  isProvisional: z.boolean().describe('No connect of the key has succeeded yet.'),
  sessions: count,
  idleMs: milliseconds,
  expiresInMs: milliseconds.optional().describe('Absent: a session lives.'),
}) satisfies z.ZodType<Told<PinInfo>>

const newPin = z.strictObject({
  client: z.string().describe('An IP address, or a key as the list tells it.'),
  backend: z.string(),
  ttl: duration({ min: 1000, max: LONGEST_TTL_MS }, 'options', 'Until its first use.').optional(),
})

const newClosing = z
  .strictObject({
    pool: z.string().optional().describe('Sessions of this pool.'),
    backend: z.string().optional().describe('Sessions on this backend.'),
    listener: z.string().optional().describe('Sessions of this listener.'),
    perSecond: z.number().min(0).max(MOST_PER_SECOND).optional().describe('0: all at once. Default: 100.'),
    deadline: duration(
      { min: 0, max: LONGEST_TIMER_MS },
      'options',
      'When what is left is closed at once. Default: 30s.',
    ).optional(),
  })
  .refine(({ pool, backend, listener }) => (pool ?? backend ?? listener) !== undefined, {
    message: 'name a pool, a backend or a listener, or several of them',
  })

const savedPins = z.strictObject({
  keyDigest: z.string().describe('That of the list that the pins are of.'),
  pins: z
    .array(z.strictObject({ key: z.string(), backend: z.string(), expiresInMs: milliseconds.optional() }))
    .max(PINS_AT_ONCE),
})

const savedCounts = z.strictObject({
  stored: count,
  full: count.describe('Nothing could be evicted for them.'),
  unknownBackend: count,
  badKey: count,
}) satisfies z.ZodType<SavedCounts>

const session = z.strictObject({
  id: z.string(),
  relay: z.enum(['native', 'stream']),
  state: z.enum(['connecting', 'open']),
  listener: z.string().optional(),
  pool: z.string(),
  clientAddress: z.string().optional().describe('Absent: it has none (unix socket).'),
  clientPort: count.optional(),
  backend: z.string().optional(),
  reason: z.enum(REASONS).optional(),
  connectMs: milliseconds,
  since: milliseconds.describe('Milliseconds since the epoch.'),
  idleMs: milliseconds,
  bytesToBackend: count,
  bytesToClient: count,
}) satisfies z.ZodType<Told<SessionInfo>>

const sessionClosed = z.strictObject({
  id: z.string(),
  time: milliseconds.describe('When it ended, in milliseconds since the epoch.'),
  relay: z.enum(['native', 'stream']),
  listener: z.string().optional(),
  pool: z.string(),
  clientAddress: z.string().optional(),
  clientPort: count.optional(),
  backend: z.string().optional().describe('Absent: none was found.'),
  reason: z.enum(REASONS).optional(),
  connectMs: milliseconds,
  cause: z.enum(SESSION_COUNTERS).describe('How it ended.'),
  bytesToBackend: count,
  bytesToClient: count,
  durationMs: milliseconds,
}) satisfies z.ZodType<Told<SessionClosed>>

const change = z.strictObject({ pool: z.string(), ...settings }) satisfies z.ZodType<Told<BackendChange>>

const reload = z.strictObject({
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

const healthChange = z.strictObject({
  pool: z.string(),
  name: z.string(),
  address: z.string(),
  reason: z.string(),
}) satisfies z.ZodType<BackendHealthChange>

const ejection = healthChange.extend({
  ejectedUntil: milliseconds.optional().describe('Milliseconds since the epoch; absent: it is back.'),
}) satisfies z.ZodType<Told<BackendEjection>>

const agentChange = z.strictObject({
  pool: z.string(),
  name: z.string(),
  address: z.string(),
  agent,
}) satisfies z.ZodType<Told<BackendAgentChange>>
const clientsMoved = moved.extend({ pool: z.string() }) satisfies z.ZodType<ClientsMoved>

const code = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]])

const problem = z.strictObject({
  file: z.string().optional(),
  line: count.optional(),
  column: count.optional(),
  path: z.string(),
  message: z.string(),
  accepted: z.string().optional(),
  code,
})

const error = z.strictObject({
  error: z.strictObject({ code, message: z.string(), problems: z.array(problem).optional() }),
}) satisfies z.ZodType<Told<ErrorBody>>

/** What is not described key by key here: `limpet check --json` prints the same, and limpet.schema.json describes it. */
const config = z.looseObject({ listeners: z.array(z.looseObject({})), pools: z.record(z.string(), z.looseObject({})) })

/** Every schema that has a name in the OpenAPI document. */
export const BODIES = {
  status: { name: 'Status', schema: status },
  config: { name: 'Config', schema: config },
  pools: { name: 'Pools', schema: z.strictObject({ pools: z.array(pool) }) },
  pool: { name: 'Pool', schema: pool },
  backends: { name: 'Backends', schema: z.strictObject({ backends: z.array(backend) }) },
  backend: { name: 'Backend', schema: backend },
  newBackend: { name: 'NewBackend', schema: backendSchema },
  backendChanges: { name: 'BackendChanges', schema: backendChangesSchema },
  explanation: { name: 'Explanation', schema: explanation },
  planChange: { name: 'PlanChange', schema: planSchema },
  plan: { name: 'Plan', schema: plan },
  keys: { name: 'Keys', schema: keys },
  pins: {
    name: 'Pins',
    schema: z.strictObject({ keyDigest: z.string(), pins: z.array(pin), next: count.optional() }),
  },
  pin: { name: 'Pin', schema: pin },
  newPin: { name: 'NewPin', schema: newPin },
  savedPins: { name: 'SavedPins', schema: savedPins },
  savedCounts: { name: 'SavedCounts', schema: savedCounts },
  cleared: { name: 'Cleared', schema: z.strictObject({ cleared: count }) },
  sessions: {
    name: 'Sessions',
    schema: z.strictObject({ sessions: z.array(session), more: z.boolean() }),
  },
  closings: { name: 'Closings', schema: z.strictObject({ closings: z.array(closing) }) },
  closing: { name: 'Closing', schema: closing },
  newClosing: { name: 'NewClosing', schema: newClosing },
  reload: { name: 'ReloadResult', schema: reload },
  nothing: { name: 'Nothing', schema: z.strictObject({}) },
  error: { name: 'Error', schema: error },
} as const satisfies Record<string, Named>

/** What the events of the stream carry, by name. */
export const EVENT_DATA = {
  hello: z.strictObject({
    generation: count,
    missed: z.boolean().describe('Whether events since that of Last-Event-ID are not told any more.'),
  }),
  backendAdded: change,
  backendUpdated: change,
  backendRemoved: change,
  backendUp: healthChange,
  backendDown: healthChange,
  backendEjected: ejection,
  backendReadmitted: ejection,
  closingStarted: closing,
  closingEnded: closing,
  rebalanceStarted: rebalance,
  rebalanceEnded: rebalance,
  backendAgent: agentChange,
  clientsMoved,
  reloaded: reload,
} as const

/** What the events of the stream of sessions carry, by name. */
export const LOG_DATA = {
  hello: z.strictObject({}),
  session: sessionClosed,
  leftOut: z.strictObject({
    sessions: count.describe('Sessions that were not told, since they were not read in time.'),
  }),
} as const

/** What is left of a type in JSON: what is undefined is absent. */
type Told<T> = T extends readonly (infer Item)[]
  ? Told<Item>[]
  : T extends object
    ? { [Key in keyof T as undefined extends T[Key] ? never : Key]: Told<T[Key]> } & {
        [Key in keyof T as undefined extends T[Key] ? Key : never]?: Told<Exclude<T[Key], undefined>> | undefined
      }
    : T

function byName<Name extends string>(names: readonly Name[]): z.ZodType<Record<Name, number>> {
  return z.strictObject(Object.fromEntries(names.map(name => [name, count]))) as never
}
