import { z } from 'zod'
import { LONGEST_TTL_MS } from '../../config/duration.ts'
import { duration } from '../../config/scalars.ts'
import type { PinInfo, SavedCounts } from '../../pool/table.ts'
import { PINS_AT_ONCE } from '../../pool/table-lines.ts'
import { count, milliseconds, type Told } from './parts.ts'

export const pin = z.strictObject({
  key: z.string().describe('An address with its prefix; # and hex digits: only kept as a hash.'),
  backend: z.string(),
  isAway: z.boolean(),
  isProvisional: z.boolean().describe('No connect of the key has succeeded yet.'),
  sessions: count,
  idleMs: milliseconds,
  expiresInMs: milliseconds.optional().describe('Absent: a session lives.'),
}) satisfies z.ZodType<Told<PinInfo>>

export const newPin = z.strictObject({
  client: z.string().describe('An IP address, or a key as the list tells it.'),
  backend: z.string(),
  ttl: duration({ min: 1000, max: LONGEST_TTL_MS }, 'options', 'Until its first use.').optional(),
})

export const savedPins = z.strictObject({
  keyDigest: z.string().describe('That of the list that the pins are of.'),
  pins: z
    .array(z.strictObject({ key: z.string(), backend: z.string(), expiresInMs: milliseconds.optional() }))
    .max(PINS_AT_ONCE),
})

export const savedCounts = z.strictObject({
  stored: count,
  full: count.describe('Nothing could be evicted for them.'),
  unknownBackend: count,
  badKey: count,
}) satisfies z.ZodType<SavedCounts>
