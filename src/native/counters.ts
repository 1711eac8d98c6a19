/** Why a decision was made; the numbers are those of `native/core/reason.h` and index the counter rows. */
export const REASONS = ['pin', 'home', 'overflow', 'failover', 'redispatch', 'nokey', 'returned', 'cookie'] as const
export type Reason = (typeof REASONS)[number]

/**
 * Counters of sessions, one 64-bit column each; the order is that of `native/relay/counters.h`. The stream relay
 * keeps the same columns, so that figures do not depend on the relay. At any time
 * `accepted = live sessions + Σ refused… + Σ end…`.
 */
export const SESSION_COUNTERS = [
  'accepted',
  'opened',
  'bytesToBackend',
  'bytesToClient',
  'endFinished',
  'refusedMaxSessions',
  'refusedFdBudget',
  'refusedNoAddress',
  'refusedNoBackend',
  'refusedPoolFull',
  'refusedKeySessions',
  'refusedKeyRate',
  'refusedAdmission',
  'refusedQueueFull',
  'refusedQueueTimeout',
  'refusedDenied',
  'refusedNoKey',
  'refusedNoRoute',
  'refusedProxyUntrusted',
  'refusedProxyInvalid',
  'refusedProxyTimeout',
  'refusedTls',
  'endClientReset',
  'endBackendReset',
  'endClientGone',
  'endIdleTimeout',
  'endFinTimeout',
  'endShutdown',
  'endClosed',
  'endError',
  'connectRefused',
  'connectUnreachable',
  'connectTimeout',
  'connectNoLocalPort',
  'connectSelf',
  'connectOther',
  'connectTls',
  'recordsDropped',
  'acceptPaused',
  'bytesSpliced',
  'pipesRefused',
  'pipesSmall',
  'spliceFallbacks',
  'keyFound',
  'keyMissing',
  'keyLate',
  'keyTooFar',
  'keyFailed',
  'cookiesSet',
  'cookiesLearnt',
  'cookiesUnread',
] as const
export type SessionCounter = (typeof SESSION_COUNTERS)[number]

/** Counters of a pool's picks, one 64-bit column each; the order is that of `native/core/counters.h`. The first are those of {@link REASONS}. */
export const POOL_COUNTERS = [
  ...REASONS,
  'noBackend',
  'poolFull',
  'tableHits',
  'tableMisses',
  'tableInserted',
  'tableEvictedExpired',
  'tableEvictedHome',
  'tableEvictedAway',
  'tableEvictedAged',
  'tableRejected',
  'keySessions',
  'keyRate',
  'keyRateShared',
  'held',
  'waited',
  'waitedMs',
  'queueTimeouts',
  'queueFull',
  'queueLeft',
  'spread',
] as const
export type PoolCounter = (typeof POOL_COUNTERS)[number]

/** Columns of a row of them: whole cache lines of eight. */
export const POOL_STRIDE = Math.ceil(POOL_COUNTERS.length / 8) * 8
