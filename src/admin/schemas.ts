import { z } from 'zod'
import { backendChangesSchema, backendSchema, planSchema } from '../config/schema.ts'
import type { Named } from './route.ts'
import { agentChange, backend, change, ejection, healthChange } from './schemas/backend.ts'
import { rosterChange } from './schemas/cluster.ts'
import { error } from './schemas/error.ts'
import { count } from './schemas/parts.ts'
import { newPin, pin, savedCounts, savedPins } from './schemas/pins.ts'
import { explanation, keys, plan } from './schemas/places.ts'
import { clientsMoved, pool, rebalance } from './schemas/pool.ts'
import { closing, newClosing, session, sessionClosed } from './schemas/sessions.ts'
import { config, reload, status } from './schemas/status.ts'

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
  rosterChanges: { name: 'RosterChanges', schema: z.strictObject({ changes: z.array(rosterChange) }) },
  rosterVersion: {
    name: 'RosterVersion',
    schema: z.strictObject({ version: count.describe('Of the shared backends.') }),
  },
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
