import { z } from 'zod'
import { REASONS } from '../../native.ts'
import type { LiveKeys } from '../../pool/live-keys.ts'
import type { Plan } from '../../pool/plan.ts'
import type { Explanation } from '../../pool/pool.ts'
import { count, milliseconds, share, type Told } from './parts.ts'

export const explanation = z.strictObject({
  address: z.string(),
  key: z.string(),
  homeKey: z.string().optional().describe('The wider prefix that its home is of; absent: that is of the key itself.'),
  home: z.string().optional().describe('Absent: no backend has a weight.'),
  order: z.array(z.string()),
  pin: z
    .strictObject({
      backend: z.string(),
      expiresInMs: milliseconds.optional().describe('Absent: a session lives.'),
      returns: z.literal(true).optional().describe('A connection now would go home; absent: it would not.'),
    })
    .optional(),
  blockPin: z
    .string()
    .optional()
    .describe('Where others of that prefix are that are not at home, and where it goes without a pin; absent: none.'),
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

export const plan = z.strictObject({
  homesMoved: share,
  sample: count,
  isExact: z.boolean(),
  pinsMoved: count,
  sessionsMoved: count,
  returnHome: z.enum(['never', 'next-connect', 'after-idle']),
  backends: z.array(z.strictObject({ name: z.string(), before: share, after: share })),
  moves: z.array(z.strictObject({ from: z.string().nullable(), to: z.string().nullable(), share })),
}) satisfies z.ZodType<Plan>

export const keys = z.strictObject({
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
