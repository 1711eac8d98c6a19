import { z } from 'zod'
import type { BackendAgentChange, BackendChange, BackendEjection, BackendHealthChange } from '../../balancer-types.ts'
import type { BackendHealthOptions } from '../../config/options.ts'
import type { BackendAgent } from '../../pool/agents.ts'
import type { BackendHealth } from '../../pool/health.ts'
import type { BackendInfo } from '../../pool/pool.ts'
import { count, milliseconds, type Told } from './parts.ts'

export const state = z.enum(['ready', 'drain', 'drain-hard', 'maint'])
const checks = z
  .union([z.literal('off'), z.looseObject({})])
  .describe(
    'What is different in its checks, as health of a backend in the configuration; absent: nothing.',
  ) as z.ZodType<Told<BackendHealthOptions> | 'off'>
export const settings = {
  name: z.string(),
  address: z.string(),
  weight: count,
  maxSessions: count,
  backup: z.boolean(),
  state,
  checks: checks.optional(),
}

export const health = z.strictObject({
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

export const backend = z.strictObject({
  ...settings,
  health: health.optional(),
  agent: agent.optional().describe('What its agent has said; absent: it is not asked.'),
  ramp: z.number().min(0).max(1).optional().describe('While it warms up; absent: it takes all of its clients.'),
  sessions: count,
  inherited: count.optional().describe('Those in the process whose place this one has taken; absent: none.'),
  peerSessions: count
    .optional()
    .describe('Those of other balancers, as they have told last; absent: the bound does not count them.'),
  takesNew: z.boolean().describe('Whether new clients come to it now.'),
  bound: count
    .nullable()
    .describe(
      'New clients come while it has fewer sessions; 0: other balancers fill it. Null: no bound, or no new clients.',
    ),
  total: count,
  connectFailures: count,
}) satisfies z.ZodType<Told<BackendInfo>>

export const change = z.strictObject({ pool: z.string(), ...settings }) satisfies z.ZodType<Told<BackendChange>>

export const healthChange = z.strictObject({
  pool: z.string(),
  name: z.string(),
  address: z.string(),
  reason: z.string(),
}) satisfies z.ZodType<BackendHealthChange>

export const ejection = healthChange.extend({
  ejectedUntil: milliseconds.optional().describe('Milliseconds since the epoch; absent: it is back.'),
}) satisfies z.ZodType<Told<BackendEjection>>

export const agentChange = z.strictObject({
  pool: z.string(),
  name: z.string(),
  address: z.string(),
  agent,
}) satisfies z.ZodType<Told<BackendAgentChange>>
