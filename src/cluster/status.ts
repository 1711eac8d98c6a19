import type { AdoptedCounts } from './exceptions/pool-exceptions.ts'
import type { MemberStatus } from './members/members.ts'
import type { RosterStatus } from './rosters/status.ts'

/** What a balancer has with others of its cluster. Plain data; counters only grow. */
export interface ClusterStatus {
  /** Name of the cluster, and where its store is, without what is secret. */
  store: string
  /** Whether the exceptions of others are known, and those of this balancer told, but for what is on its way. */
  isSynced: boolean
  /** What is wrong with the store; absent: nothing. */
  error?: string
  /** What this balancer is called by others. */
  member: string
  /** The other balancers, as far as the store told the last time. */
  members: MemberStatus[]
  /** Exceptions that wait to be told. */
  backlog: number
  /** Exceptions that were not told because too many waited; most are told later, from the table. */
  dropped: number
  /** Exceptions that were told. */
  published: number
  /** Ends of exceptions that were told. */
  ended: number
  /** Exceptions for which another balancer had been first. */
  lostRaces: number
  /** Times that the store did not take one. */
  refused: number
  /** What became of exceptions of others; see docs/cluster.md. */
  adopted: AdoptedCounts
  /** Times that the store could not be reached, or was lost. */
  failures: number
  /** Times that the store was connected and all of it read, the first included. */
  resyncs: number
  /** Backends that are changed at all balancers, by pool; empty: they are changed at each (`membership: local`). */
  rosters: RosterStatus[]
}
