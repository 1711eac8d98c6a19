import { z } from 'zod'
import type { ClientsMoved } from '../../balancer-types.ts'
import type { DiscoveryStatus } from '../../discovery/discovery.ts'
import { FAILURE_KINDS, type FailureKind } from '../../discovery/failure.ts'
import { REASONS, type Reason } from '../../native.ts'
import type { MovedClients } from '../../pool/moves.ts'
import type { RebalanceInfo } from '../../sessions/rebalancer.ts'
import type { PoolStats, TableStats } from '../../stats.ts'
import { backend } from './backend.ts'
import { byName, count, milliseconds, type Told } from './parts.ts'

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

export const rebalance = z.strictObject({
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

const discovery = z.strictObject({
  source: z.string().describe('Where: like "dns A redis.example" or "file /etc/limpet/redis.yaml".'),
  found: count,
  isFresh: z.boolean().describe('Whether the last look went well: what it found are the backends.'),
  lastSuccess: milliseconds.optional().describe('Milliseconds since the epoch; absent: never.'),
  ageMs: milliseconds.optional(),
  nextInMs: milliseconds.optional(),
  error: z.string().optional(),
  succeeded: count,
  failed: byName<FailureKind>(FAILURE_KINDS),
  changes: count,
}) satisfies z.ZodType<Told<DiscoveryStatus>>

export const poolStats = {
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
  discovery: discovery.optional().describe('How its backends are found; absent: they are listed.'),
  lastMove: moved.optional().describe('What the last change that moved clients has moved.'),
  backends: z.array(backend),
}

export const pool = z.strictObject({ name: z.string(), ...poolStats }) satisfies z.ZodType<
  Told<PoolStats & { name: string }>
>

export const clientsMoved = moved.extend({ pool: z.string() }) satisfies z.ZodType<ClientsMoved>
