export type { OpenSocket } from './acceptor/open-socket.ts'
export type { KeyAnswer, KeyConnection, KeyFunction } from './affinity/key-function.ts'
export { Balancer } from './balancer.ts'
export type * from './balancer-types.ts'
export type { AdoptedCounts } from './cluster/exceptions/pool-exceptions.ts'
export type { MemberStatus } from './cluster/members/members.ts'
export type { RosterChangeEntry, RosterOptions, RosterStatus } from './cluster/rosters/status.ts'
export type { ClusterStatus } from './cluster/status.ts'
export type { DescribedBound, ResolvedBound } from './config/bounded-load.ts'
export type { DescribedCluster, ResolvedCluster } from './config/cluster.ts'
export type * from './config/cookie.ts'
export type * from './config/describe.ts'
export type { DescribedDiscovery, DnsServer, ResolvedDiscovery } from './config/discovery.ts'
export { type LoadOptions, loadConfig, type ParseOptions, parseConfig } from './config/load.ts'
export type * from './config/options.ts'
export type * from './config/resolved.ts'
export { Placement, type PlacementSettings } from './core/placement.ts'
export { StickTable, type StickTableEntry, type StickTableSettings } from './core/stick-table.ts'
export type { DiscoveryStatus } from './discovery/discovery.ts'
export type { FailureKind } from './discovery/failure.ts'
export {
  type ConfigProblem,
  ERROR_CODES,
  type ErrorCode,
  LimpetConfigError,
  LimpetError,
  type LimpetErrorDetails,
  type SystemError,
} from './errors.ts'
export { Metrics } from './metrics/metrics.ts'
export type { Reason, SessionCounter } from './native.ts'
export type { BackendAgent } from './pool/agents.ts'
export type { Client, Decision, ReleaseOptions } from './pool/decision.ts'
export type { BackendHealth } from './pool/health.ts'
export type { HotKey, KeyPlace, LiveKeys, LiveKeysOptions } from './pool/live-keys.ts'
export type { MovedClients } from './pool/moves.ts'
export type { NextPick } from './pool/next-pick.ts'
export type { Plan, PlanChange, PlannedBackend, PlannedMove, PlanOptions } from './pool/plan.ts'
export type { BackendInfo, Explanation, Pool } from './pool/pool.ts'
export type { PoolRoster } from './pool/pool-roster.ts'
export type {
  PinFilter,
  PinInfo,
  PinOptions,
  PinPage,
  PoolTable,
  SavedCounts,
  SavedPin,
} from './pool/table.ts'
export type { TableFileStats } from './pool/table-file.ts'
export type { ImportProblem, ImportResult } from './pool/table-lines.ts'
export type { SessionCounts } from './relay/counters.ts'
export type { Durations, Histogram } from './relay/durations.ts'
export type { Served } from './relay/relays.ts'
export type { SessionClosed, SessionOpened } from './relay/session-feed.ts'
export type { ReloadResult, SettingChange } from './reload/result.ts'
export type { RouteAnswer, RouteConnection, RouteFunction } from './routing/route-function.ts'
export type { CloseResult } from './service.ts'
export type { ClosingCause, ClosingInfo, Closings } from './sessions/closings.ts'
export type { SessionFilter, SessionInfo } from './sessions/info.ts'
export type { PaceOptions, PaceProgress } from './sessions/paced-close.ts'
export type { RebalanceInfo } from './sessions/rebalancer.ts'
export type { ListenerStats, PoolStats, QueueStats, Stats, TableStats } from './stats.ts'
