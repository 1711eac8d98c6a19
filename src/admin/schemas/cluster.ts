import { z } from 'zod'
import type { MemberStatus } from '../../cluster/members/members.ts'
import type { RosterChangeEntry, RosterStatus } from '../../cluster/rosters/status.ts'
import type { ClusterStatus } from '../../cluster/status.ts'
import { ADOPTED } from '../../native.ts'
import { byName, count, milliseconds, type Told } from './parts.ts'

const member = z.strictObject({
  name: z.string().describe('Its host and its process.'),
  ageMs: milliseconds.describe('Since it said that it lives.'),
  isLive: z.boolean(),
  version: z.string(),
  digest: z.string().describe('Of all its pools: those of equal digests give equal homes.'),
  differences: z.array(z.string()).describe('In what its pools are other ones than those here.'),
}) satisfies z.ZodType<Told<MemberStatus>>

const roster = z.strictObject({
  pool: z.string(),
  version: count.describe('That of the backends here; 0: nobody has changed any.'),
  newest: count.describe('The newest that is known.'),
  by: z.string().optional().describe('The balancer where that was made.'),
  actor: z.string().optional().describe('Who made it there, as far as it was said.'),
  at: milliseconds.optional().describe('When, since the epoch, by the clock of the store.'),
  isLocal: z.boolean().describe('Whether backends were changed here only since.'),
  error: z.string().optional().describe('Why the newest cannot be used; absent: it can.'),
}) satisfies z.ZodType<Told<RosterStatus>>

export const rosterChange = z.strictObject({
  version: count.describe('That it made.'),
  by: z.string().describe('The balancer where it was made.'),
  actor: z.string().optional().describe('Who made it there, as far as it was said.'),
  at: milliseconds.describe('When, since the epoch, by the clock of the store.'),
  what: z.string(),
}) satisfies z.ZodType<Told<RosterChangeEntry>>

export const cluster = z.strictObject({
  store: z.string().describe('Name of the cluster, and where its store is.'),
  isSynced: z.boolean().describe('Whether the exceptions of others are known, and those of this balancer told.'),
  error: z.string().optional().describe('What is wrong with the store; absent: nothing.'),
  member: z.string().describe('What this balancer is called by others.'),
  members: z.array(member).describe('The other balancers.'),
  backlog: count.describe('Exceptions that wait to be told.'),
  dropped: count.describe('Exceptions that were not told because too many waited.'),
  published: count,
  ended: count,
  lostRaces: count.describe('Exceptions for which another balancer had been first.'),
  refused: count.describe('Times that the store did not take one.'),
  adopted: byName<(typeof ADOPTED)[number]>(ADOPTED).describe('What became of exceptions of others.'),
  failures: count.describe('Times that the store could not be reached, or was lost.'),
  resyncs: count.describe('Times that the store was connected and all of it read, the first included.'),
  rosters: z.array(roster).describe('Backends that are changed at all balancers; empty: they are changed at each.'),
}) satisfies z.ZodType<Told<ClusterStatus>>
