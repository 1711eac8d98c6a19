import { z } from 'zod'
import { LONGEST_TIMER_MS } from '../../config/duration.ts'
import { duration } from '../../config/scalars.ts'
import { REASONS, SESSION_COUNTERS } from '../../native.ts'
import type { SessionClosed } from '../../relay/session-feed.ts'
import type { ClosingInfo } from '../../sessions/closings.ts'
import type { SessionInfo } from '../../sessions/info.ts'
import { MOST_PER_SECOND } from '../../sessions/paced-close.ts'
import { count, milliseconds, type Told } from './parts.ts'

export const closing = z.strictObject({
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

export const newClosing = z
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

export const session = z.strictObject({
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

export const sessionClosed = z.strictObject({
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
