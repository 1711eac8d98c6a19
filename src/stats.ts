import type { AddressInfo } from 'node:net'
import type { Cluster } from './cluster/cluster.ts'
import type { ClusterStatus } from './cluster/status.ts'
import type { ResolvedListener } from './config/resolved.ts'
import type { DiscoveryStatus } from './discovery/discovery.ts'
import { native, POOL_COUNTERS, POOL_STRIDE, type PoolCounter, REASONS, type Reason } from './native.ts'
import type { PoolCore } from './pool/core.ts'
import type { MovedClients } from './pool/moves.ts'
import { type BackendInfo, infoOf, type Pool } from './pool/pool.ts'
import type { TableFileStats } from './pool/table-file.ts'
import { noSessions, type SessionCounts, sumColumns } from './relay/counters.ts'
import { DurationColumns, type Durations } from './relay/durations.ts'
import type { Service } from './service.ts'
import type { RebalanceInfo } from './sessions/rebalancer.ts'

/** Figures of a balancer: plain data, fit for JSON. Counters only grow; they count from the first `listen()`. */
export interface Stats {
  /** Number of the state that holds: one more with every change of backends, and with every reload. */
  generation: number
  /** Sessions that live now, connecting ones included. */
  sessions: number
  /** How sessions went, by name; see docs/library.md for each. */
  counters: SessionCounts
  /** How long connects to backends took, and how long sessions lasted. */
  durations: Durations
  /** By name. */
  listeners: Record<string, ListenerStats>
  /** By name. */
  pools: Record<string, PoolStats>
  /** File descriptors of the process that sessions may use; 0 of 0 before the first `listen()`. */
  fdBudget: { used: number; limit: number }
  /** What it has with other balancers; absent: nothing. */
  cluster?: ClusterStatus
}

/** Figures of one listener. */
export interface ListenerStats {
  /** As `net.Server#address()`; null while it is not open. */
  address: AddressInfo | string | null
  /** Name of its pool; absent: its routes choose. */
  pool?: string
  /** Names of the pools that its routes choose among; absent: there is one pool. */
  pools?: string[]
  /** Sessions that live now. */
  sessions: number
}

/** Figures of one pool. */
export interface PoolStats {
  /** See {@link Pool.digest}. */
  digest: string
  /** Number of the roster: one more with every change. */
  roster: number
  /** Seats that are taken: sessions and picks. */
  seats: number
  /** Picks made by `pick()` and by the stream relay that were not released yet. */
  outstandingPicks: number
  /** Picks, by the reason of their decision. */
  decisions: Record<Reason, number>
  /** Picks without a decision: nobody eligible, all at `maxSessions`, or the limits of the key (`limits`). */
  refused: { noBackend: number; poolFull: number; keySessions: number; keyRate: number }
  /** Picks whose rate was judged together with that of other keys, because the table of rates had no room for the key. */
  sharedRates: number
  /** Sessions that had to wait until their backend took them. */
  held: number
  /** Clients that wait for a seat while every backend is at its `maxSessions` (`limits.queue`). */
  queue: QueueStats
  /** Keys whose clients are spread over several backends now (`affinity.hotKey`). */
  hotKeys: number
  /** Picks for such keys. */
  spreadPicks: number
  /** Clients that were brought home by `rebalance`. */
  broughtHome: number
  /** The last time that clients were brought home; absent: they never were. */
  rebalance?: RebalanceInfo
  /** The stick table; all 0 without one. */
  table: TableStats
  /** Whether so few backends are up that checks are not believed, and all of them serve. */
  isFailOpen: boolean
  /** How its backends are found; absent: they are listed. */
  discovery?: DiscoveryStatus
  /** What the last change that moved clients has moved, a moment after it was made; absent: there was none. */
  lastMove?: MovedClients
  /** In the order in which they were added. */
  backends: BackendInfo[]
}

/** Figures of the queue of a pool. */
export interface QueueStats {
  /** Who waits now. */
  waiting: number
  /** Who has waited up to now, those who do so still included. */
  waited: number
  /** How long they waited, in all, in milliseconds; of those who do so no longer. */
  waitedMs: number
  /** Closed because they had waited for `timeout`. */
  timedOut: number
  /** Closed at once because so many waited already. */
  refused: number
  /** Clients that left while they waited. */
  left: number
}

/** Figures of a stick table. */
export interface TableStats {
  /** Entries, expired ones that were not reused included. */
  entries: number
  /** Most entries. */
  capacity: number
  /** Memory, in bytes. */
  bytes: number
  /** Look-ups that found an entry. */
  hits: number
  /** Look-ups that found none. */
  misses: number
  /** Entries made. */
  inserted: number
  /** Entries displaced, by what they were. */
  evicted: { expired: number; home: number; away: number; aged: number }
  /** Clients that were served without an entry, because nothing could be displaced. */
  rejected: number
  /** What came back from its file; absent: it has none. */
  file?: TableFileStats
}

const GAUGES = 8

/** What is counted besides sessions. */
export interface Counted {
  generation: number
  listeners: readonly Pick<ResolvedListener, 'name' | 'pool' | 'pools'>[]
  pools: Iterable<PoolCore>
  cluster: Cluster | undefined
}

/** `service`: undefined while the balancer is not open. */
export function collectStats(service: Service | undefined, { generation, listeners, pools, cluster }: Counted): Stats {
  const { used, limit } = native().fdBudget
  return {
    generation,
    sessions: service?.sessions ?? 0,
    counters: service?.counts ?? noSessions(),
    durations: service?.durations ?? new DurationColumns().told(),
    listeners: Object.fromEntries(
      listeners.map(({ name, pool, pools }): [string, ListenerStats] => [
        name,
        {
          address: service?.listeners.address(name) ?? null,
          ...(pool === undefined ? { pools: [...pools] } : { pool }),
          sessions: service?.sessionsOf(name) ?? 0,
        },
      ]),
    ),
    pools: Object.fromEntries([...pools].map(pool => [pool.name, poolStats(pool)])),
    fdBudget: { used, limit },
    ...(cluster === undefined ? {} : { cluster: cluster.status() }),
  }
}

function poolStats(pool: PoolCore): PoolStats {
  pool.publishHealth()
  const gauges = new Float64Array(GAUGES)
  pool.native.gauges(gauges)
  const [entries = 0, capacity = 0, bytes = 0, seats = 0, roster = 0, outstandingPicks = 0] = gauges
  const [waiting = 0, hotKeys = 0] = gauges.subarray(6)
  const file = pool.tableFile
  const counters = sumColumns(pool.native.counters, POOL_STRIDE, POOL_COUNTERS)
  return {
    digest: pool.digest,
    roster,
    seats,
    outstandingPicks,
    decisions: Object.fromEntries(REASONS.map(reason => [reason, counters[reason]])) as Record<Reason, number>,
    refused: {
      noBackend: counters.noBackend,
      poolFull: counters.poolFull,
      keySessions: counters.keySessions,
      keyRate: counters.keyRate,
    },
    sharedRates: counters.keyRateShared,
    held: counters.held,
    queue: {
      waiting,
      waited: counters.waited,
      waitedMs: counters.waitedMs,
      timedOut: counters.queueTimeouts,
      refused: counters.queueFull,
      left: counters.queueLeft,
    },
    hotKeys,
    spreadPicks: counters.spread,
    broughtHome: pool.broughtHome,
    ...(pool.rebalance === undefined ? {} : { rebalance: { ...pool.rebalance } }),
    table: {
      entries,
      capacity,
      bytes,
      ...tableCounters(counters),
      ...(file === undefined ? {} : { file: file.stats }),
    },
    isFailOpen: pool.health.isFailOpen,
    ...(pool.discovery === undefined ? {} : { discovery: pool.discovery.status() }),
    ...(pool.moves.last === undefined ? {} : { lastMove: pool.moves.last }),
    backends: infoOf(pool),
  }
}

function tableCounters(
  counters: Record<PoolCounter, number>,
): Omit<TableStats, 'entries' | 'capacity' | 'bytes' | 'file'> {
  return {
    hits: counters.tableHits,
    misses: counters.tableMisses,
    inserted: counters.tableInserted,
    evicted: {
      expired: counters.tableEvictedExpired,
      home: counters.tableEvictedHome,
      away: counters.tableEvictedAway,
      aged: counters.tableEvictedAged,
    },
    rejected: counters.tableRejected,
  }
}
