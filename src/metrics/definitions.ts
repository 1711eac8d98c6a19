import { VERSION } from '../package-info.ts'
import type { Histogram } from '../relay/durations.ts'
import type { Stats } from '../stats.ts'
import {
  alone,
  by,
  counted,
  countedBy,
  type Definition,
  gauge,
  ofCluster,
  perAgent,
  perBackend,
  perDiscovery,
  perPool,
  perTableFile,
  sample,
} from './definition.ts'

/** One histogram, and how it is read; it has no labels of its own. */
export interface HistogramDefinition {
  name: string
  help: string
  read(stats: Stats): Histogram
}

/** Every histogram that is read from {@link Stats}. */
export const HISTOGRAMS: readonly HistogramDefinition[] = [
  {
    name: 'limpet_connect_duration_seconds',
    help: 'How long connects to backends took.',
    read: ({ durations }) => durations.connect,
  },
  {
    name: 'limpet_session_duration_seconds',
    help: 'How long sessions lasted that have ended.',
    read: ({ durations }) => durations.session,
  },
]

const STATES = ['ready', 'drain', 'drain-hard', 'maint'] as const
const AGENT_STATES = ['ready', 'drain', 'maint'] as const

const PROCESS: readonly Definition[] = [
  gauge('limpet_info', 'Version of Limpet; always 1.', ['version'], () => [{ labels: { version: VERSION }, value: 1 }]),
  gauge('limpet_generation', 'Number of the state that holds.', [], stats => alone(stats.generation)),
  gauge('limpet_sessions', 'Sessions that live now.', [], stats => alone(stats.sessions)),
  gauge('limpet_fd_budget_used', 'File descriptors that sessions use.', [], stats => alone(stats.fdBudget.used)),
  gauge('limpet_fd_budget_limit', 'File descriptors that sessions may use.', [], stats => alone(stats.fdBudget.limit)),
]

const SESSIONS: readonly Definition[] = [
  counted('limpet_sessions_accepted_total', 'Clients that came.', 'accepted'),
  counted('limpet_sessions_opened_total', 'Sessions joined to a backend.', 'opened'),
  countedBy('limpet_sessions_refused_total', 'Clients that found no session.', 'reason', {
    max_sessions: 'refusedMaxSessions',
    fd_budget: 'refusedFdBudget',
    no_address: 'refusedNoAddress',
    no_backend: 'refusedNoBackend',
    pool_full: 'refusedPoolFull',
    key_sessions: 'refusedKeySessions',
    key_rate: 'refusedKeyRate',
    admission: 'refusedAdmission',
    queue_full: 'refusedQueueFull',
    queue_timeout: 'refusedQueueTimeout',
    denied: 'refusedDenied',
    no_key: 'refusedNoKey',
    no_route: 'refusedNoRoute',
    proxy_untrusted: 'refusedProxyUntrusted',
    proxy_invalid: 'refusedProxyInvalid',
    proxy_timeout: 'refusedProxyTimeout',
    tls: 'refusedTls',
  }),
  countedBy('limpet_sessions_ended_total', 'Sessions that ended.', 'outcome', {
    finished: 'endFinished',
    client_reset: 'endClientReset',
    backend_reset: 'endBackendReset',
    client_gone: 'endClientGone',
    idle_timeout: 'endIdleTimeout',
    fin_timeout: 'endFinTimeout',
    shutdown: 'endShutdown',
    closed: 'endClosed',
    error: 'endError',
  }),
  countedBy('limpet_connect_failures_total', 'Connects to backends that failed.', 'reason', {
    refused: 'connectRefused',
    unreachable: 'connectUnreachable',
    timeout: 'connectTimeout',
    no_local_port: 'connectNoLocalPort',
    self: 'connectSelf',
    other: 'connectOther',
    tls: 'connectTls',
  }),
  countedBy('limpet_relayed_bytes_total', 'Bytes that were relayed.', 'direction', {
    to_backend: 'bytesToBackend',
    to_client: 'bytesToClient',
  }),
  countedBy('limpet_keys_total', 'Clients in whose first bytes a key was looked for.', 'outcome', {
    found: 'keyFound',
    missing: 'keyMissing',
    late: 'keyLate',
    too_far: 'keyTooFar',
  }),
  counted(
    'limpet_key_failures_total',
    'Times that a function for keys or routes failed, or was too slow.',
    'keyFailed',
  ),
  counted('limpet_cookies_set_total', 'Answers that a cookie was put into.', 'cookiesSet'),
  counted('limpet_cookies_learnt_total', 'Cookies of applications that were learnt.', 'cookiesLearnt'),
  counted(
    'limpet_cookies_unread_total',
    'Connections that could not be read for cookies any further.',
    'cookiesUnread',
  ),
  counted('limpet_spliced_bytes_total', 'Relayed bytes that went through a pipe.', 'bytesSpliced'),
  counted('limpet_pipes_refused_total', 'Pipes that could not be had.', 'pipesRefused'),
  counted('limpet_pipes_small_total', 'Pipes not used because the system made them small.', 'pipesSmall'),
  counted('limpet_splice_fallbacks_total', 'Directions that the system refused to splice.', 'spliceFallbacks'),
  counted('limpet_session_records_dropped_total', 'Session records that nobody fetched in time.', 'recordsDropped'),
  counted('limpet_accept_pauses_total', 'Times that a thread stopped accepting for a while.', 'acceptPaused'),
]

const CLUSTER: readonly Definition[] = [
  ofCluster('gauge', 'limpet_cluster_synced', 'Whether exceptions are shared.', [], ({ isSynced }) =>
    alone(Number(isSynced)),
  ),
  ofCluster('gauge', 'limpet_cluster_members', 'Balancers that live, this one included.', [], ({ members }) =>
    alone(1 + members.filter(({ isLive }) => isLive).length),
  ),
  ofCluster(
    'gauge',
    'limpet_cluster_members_differing',
    'Balancers that live and have other pools or backends.',
    [],
    ({ members }) => alone(members.filter(({ isLive, differences }) => isLive && differences.length > 0).length),
  ),
  ofCluster('gauge', 'limpet_cluster_backlog', 'Exceptions that wait to be told.', [], ({ backlog }) => alone(backlog)),
  ofCluster('counter', 'limpet_cluster_dropped_total', 'Exceptions lost because too many waited.', [], ({ dropped }) =>
    alone(dropped),
  ),
  ofCluster('counter', 'limpet_cluster_published_total', 'What was told.', ['kind'], ({ published, ended }) =>
    by('kind', { made: published, ended }),
  ),
  ofCluster('counter', 'limpet_cluster_lost_races_total', 'Exceptions others had made first.', [], ({ lostRaces }) =>
    alone(lostRaces),
  ),
  ofCluster('counter', 'limpet_cluster_refused_total', 'What the store did not take.', [], ({ refused }) =>
    alone(refused),
  ),
  ofCluster('counter', 'limpet_cluster_adopted_total', 'Exceptions of others.', ['outcome'], ({ adopted }) =>
    by('outcome', adopted),
  ),
  ofCluster('counter', 'limpet_cluster_failures_total', 'Times that the store was not reached.', [], ({ failures }) =>
    alone(failures),
  ),
  ofCluster(
    'counter',
    'limpet_cluster_resyncs_total',
    'Times that the store was connected and all of it read.',
    [],
    ({ resyncs }) => alone(resyncs),
  ),
  ofCluster('gauge', 'limpet_cluster_roster_version', 'Version of shared backends.', ['pool'], ({ rosters }) =>
    rosters.map(({ pool, version }) => sample({ pool }, version)),
  ),
  ofCluster(
    'gauge',
    'limpet_cluster_roster_differs',
    'Whether backends are not those of the newest shared roster.',
    ['pool'],
    ({ rosters }) =>
      rosters.map(({ pool, version, newest, isLocal, error }) =>
        sample({ pool }, Number(version !== newest || isLocal || error !== undefined)),
      ),
  ),
]

const LISTENERS: readonly Definition[] = [
  gauge('limpet_listener_sessions', 'Sessions of a listener that live now.', ['listener', 'pool'], stats =>
    Object.entries(stats.listeners).map(([listener, { pool = '', sessions }]) => sample({ listener, pool }, sessions)),
  ),
  gauge('limpet_listener_open', 'Whether a listener is open.', ['listener', 'pool'], stats =>
    Object.entries(stats.listeners).map(([listener, { pool = '', address }]) =>
      sample({ listener, pool }, Number(address !== null)),
    ),
  ),
]

const POOLS: readonly Definition[] = [
  perPool('gauge', 'limpet_pool_info', 'Digest of the placement; always 1.', ['digest'], ({ digest }) => [
    sample({ digest }, 1),
  ]),
  perPool('gauge', 'limpet_pool_roster', 'Number of the roster.', [], ({ roster }) => alone(roster)),
  perPool('gauge', 'limpet_pool_seats', 'Seats that are taken.', [], ({ seats }) => alone(seats)),
  perPool('gauge', 'limpet_pool_outstanding_picks', 'Picks that were not released yet.', [], pool =>
    alone(pool.outstandingPicks),
  ),
  perPool('gauge', 'limpet_pool_fail_open', 'Whether checks are not believed.', [], pool =>
    alone(Number(pool.isFailOpen)),
  ),
  perPool('counter', 'limpet_pool_decisions_total', 'Picks, by the reason of their decision.', ['reason'], pool =>
    by('reason', pool.decisions),
  ),
  perPool('counter', 'limpet_pool_refused_total', 'Picks without a decision.', ['reason'], ({ refused }) =>
    by('reason', {
      no_backend: refused.noBackend,
      pool_full: refused.poolFull,
      key_sessions: refused.keySessions,
      key_rate: refused.keyRate,
    }),
  ),
  perPool('counter', 'limpet_pool_shared_rates_total', 'Picks whose rate was that of several keys.', [], pool =>
    alone(pool.sharedRates),
  ),
  perPool('counter', 'limpet_pool_held_total', 'Sessions that waited until their backend took them.', [], ({ held }) =>
    alone(held),
  ),
  perPool('gauge', 'limpet_pool_hot_keys', 'Keys whose clients are spread over several backends.', [], pool =>
    alone(pool.hotKeys),
  ),
  perPool('counter', 'limpet_pool_spread_picks_total', 'Picks for such keys.', [], pool => alone(pool.spreadPicks)),
  perPool('gauge', 'limpet_pool_waiting', 'Clients that wait for a seat of a full pool.', [], ({ queue }) =>
    alone(queue.waiting),
  ),
  perPool('counter', 'limpet_pool_waited_total', 'Clients that waited for a seat of a full pool.', [], ({ queue }) =>
    alone(queue.waited),
  ),
  perPool('counter', 'limpet_pool_waited_seconds_total', 'How long they waited, in all.', [], ({ queue }) =>
    alone(queue.waitedMs / 1000),
  ),
  perPool(
    'counter',
    'limpet_pool_not_seated_total',
    'Clients of a full pool that got no seat.',
    ['cause'],
    ({ queue }) => by('cause', { timeout: queue.timedOut, full: queue.refused, left: queue.left }),
  ),
  perPool('counter', 'limpet_pool_brought_home_total', 'Clients that rebalance brought home.', [], pool =>
    alone(pool.broughtHome),
  ),
  perPool('gauge', 'limpet_pool_rebalance_left', 'Clients that rebalance has still to bring home.', [], pool =>
    alone(pool.rebalance?.state === 'running' ? pool.rebalance.left : 0),
  ),
  perPool('gauge', 'limpet_table_entries', 'Entries of the stick table.', [], ({ table }) => alone(table.entries)),
  perPool('gauge', 'limpet_table_capacity', 'Most entries of the stick table.', [], ({ table }) =>
    alone(table.capacity),
  ),
  perPool('gauge', 'limpet_table_memory_bytes', 'Memory of the stick table.', [], ({ table }) => alone(table.bytes)),
  perPool('counter', 'limpet_table_hits_total', 'Look-ups that found an entry.', [], ({ table }) => alone(table.hits)),
  perPool('counter', 'limpet_table_misses_total', 'Look-ups that found none.', [], ({ table }) => alone(table.misses)),
  perPool('counter', 'limpet_table_inserted_total', 'Entries made.', [], ({ table }) => alone(table.inserted)),
  perPool('counter', 'limpet_table_evicted_total', 'Entries displaced, by what they were.', ['cause'], ({ table }) =>
    by('cause', table.evicted),
  ),
  perPool('counter', 'limpet_table_rejected_total', 'Clients that were served without an entry.', [], ({ table }) =>
    alone(table.rejected),
  ),
  perDiscovery('gauge', 'limpet_discovery_backends', 'Backends that were found last.', [], ({ found }) => alone(found)),
  perDiscovery('gauge', 'limpet_discovery_fresh', 'Whether the last look for backends went well.', [], ({ isFresh }) =>
    alone(Number(isFresh)),
  ),
  perDiscovery(
    'gauge',
    'limpet_discovery_age_seconds',
    'Time since a look went well; absent: never.',
    [],
    ({ ageMs }) => (ageMs === undefined ? [] : alone(ageMs / 1000)),
  ),
  perDiscovery('counter', 'limpet_discovery_succeeded_total', 'Looks for backends that went well.', [], discovery =>
    alone(discovery.succeeded),
  ),
  perDiscovery(
    'counter',
    'limpet_discovery_failed_total',
    'Looks after which the backends stayed as they were.',
    ['cause'],
    ({ failed }) => by('cause', failed),
  ),
  perDiscovery('counter', 'limpet_discovery_changes_total', 'Changes of backends by what was found.', [], discovery =>
    alone(discovery.changes),
  ),
  perTableFile(
    'gauge',
    'limpet_table_file_generation',
    'How often the file of the stick table was opened.',
    'generation',
  ),
  perTableFile('counter', 'limpet_table_file_restored_total', 'Pins that came back from the file.', 'restored'),
  perTableFile('counter', 'limpet_table_file_dropped_total', 'Pins in the file that were dropped.', 'dropped'),
  perTableFile('counter', 'limpet_table_file_torn_total', 'Buckets of the file in which nothing was believed.', 'torn'),
  perTableFile(
    'counter',
    'limpet_table_file_set_aside_total',
    'Files that were renamed, because they were not to be believed.',
    'setAside',
  ),
]

const BACKENDS: readonly Definition[] = [
  perBackend('gauge', 'limpet_backend_sessions', 'Sessions on a backend now.', [], ({ sessions }) => alone(sessions)),
  perBackend('gauge', 'limpet_backend_bound', 'Sessions below which new clients come.', [], ({ bound }) =>
    bound === null ? [] : alone(bound),
  ),
  perBackend('gauge', 'limpet_backend_peer_sessions', 'Sessions of other balancers, as told.', [], backend =>
    backend.peerSessions === undefined ? [] : alone(backend.peerSessions),
  ),
  perBackend('counter', 'limpet_backend_picks_total', 'Sessions that a backend was picked for.', [], ({ total }) =>
    alone(total),
  ),
  perBackend('counter', 'limpet_backend_connect_failures_total', 'Connects that failed.', [], backend =>
    alone(backend.connectFailures),
  ),
  perBackend('gauge', 'limpet_backend_weight', 'Configured weight.', [], ({ weight }) => alone(weight)),
  perBackend('gauge', 'limpet_backend_max_sessions', 'Most sessions at one time; 0: no limit.', [], backend =>
    alone(backend.maxSessions),
  ),
  perBackend('gauge', 'limpet_backend_backup', 'Whether it serves only while nobody else can.', [], ({ backup }) =>
    alone(Number(backup)),
  ),
  perBackend('gauge', 'limpet_backend_ramp', 'Part of its clients that it takes.', [], ({ ramp = 1 }) => alone(ramp)),
  perBackend('gauge', 'limpet_backend_state', '1 for the state that is wanted of a backend.', ['state'], backend =>
    STATES.map(state => sample({ state }, Number(backend.state === state))),
  ),
  perBackend('gauge', 'limpet_backend_up', 'Whether it is up; absent while nothing is known.', [], ({ health }) =>
    health === undefined || health.status === 'unknown' ? [] : alone(Number(health.status === 'up')),
  ),
  perBackend('gauge', 'limpet_backend_ejected', 'Whether sessions failed there, so that it gets none.', [], backend =>
    alone(Number(backend.health?.ejectedUntil !== undefined)),
  ),
  perAgent('gauge', 'limpet_backend_agent_reached', 'Whether its agent answered when it was asked last.', [], agent =>
    alone(Number(agent.isReached)),
  ),
  perAgent('gauge', 'limpet_backend_agent_up', 'Whether its agent says that it is well.', [], ({ isUp }) =>
    alone(Number(isUp)),
  ),
  perAgent('gauge', 'limpet_backend_agent_state', '1 for the state that its agent wants.', ['state'], agent =>
    AGENT_STATES.map(state => sample({ state }, Number(agent.state === state))),
  ),
  perAgent('gauge', 'limpet_backend_agent_weight_ratio', 'Part of its weight, by its agent.', [], ({ weight }) =>
    alone(weight / 100),
  ),
  perAgent('gauge', 'limpet_backend_agent_max_sessions', 'Most sessions, by its agent; 0: no limit.', [], agent =>
    alone(agent.maxSessions),
  ),
  perAgent('counter', 'limpet_backend_agent_failures_total', 'Times that its agent gave no answer.', [], agent =>
    alone(agent.failures),
  ),
]

/** Every metric that is read from {@link Stats}. */
export const DEFINITIONS: readonly Definition[] = [
  ...PROCESS,
  ...SESSIONS,
  ...CLUSTER,
  ...LISTENERS,
  ...POOLS,
  ...BACKENDS,
]
