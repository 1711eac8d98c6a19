import { type BindAddress, formatAddress } from './address.ts'
import { type DescribedBound, describeBound } from './bounded-load.ts'
import { type DescribedCluster, describeCluster } from './cluster.ts'
import { describeCookie } from './cookie.ts'
import type { CookieOptions } from './cookie-options.ts'
import { type DescribedDiscovery, describeDiscovery } from './discovery.ts'
import { formatDuration } from './duration.ts'
import { given } from './given.ts'
import { keyOption } from './key-source.ts'
import type { BackendState, CheckType, KeyOption, ProxyTlvName } from './options.ts'
import { describeSendProxy } from './outgoing.ts'
import type {
  ResolvedAdmin,
  ResolvedAffinity,
  ResolvedBackend,
  ResolvedCheckStep,
  ResolvedConfig,
  ResolvedHealth,
  ResolvedListener,
  ResolvedPool,
  ResolvedStickTable,
  ResolvedTimeouts,
} from './resolved.ts'
import { type DescribedRoute, describeRoute } from './route.ts'
import { formatSize } from './size.ts'
import {
  type DescribedBackendTls,
  type DescribedListenerTls,
  describeBackendTls,
  describeListenerTls,
} from './tls-describe.ts'

/** A configuration in the shape of the document, with every default filled in. */
export interface DescribedConfig {
  listeners: DescribedListener[]
  pools: Record<string, DescribedPool>
  threads: number | 'auto'
  shutdownTimeout: string
  state: string
  /** Absent: the process stays what it is. */
  user?: string
  group?: string
  log: { level: string; sessions: 'off' | 'on' | number }
  /** Absent: there is no admin API. */
  admin?: DescribedAdmin
  /** Absent: it shares nothing with other balancers. */
  cluster?: DescribedCluster
}

export interface DescribedAdmin {
  listen: string
  /** Where the token came from, never the token; absent: there is none. */
  token?: string
  hosts: string[]
}

export interface DescribedListener {
  name: string
  bind: string | { fd: number }
  /** One of these two. */
  pool?: string
  route?: DescribedRoute[]
  acceptor: string
  relay: string
  maxSessions: number
  backlog: number
  deferAccept: string
  fastOpen: number | 'off'
  peek: { bytes: string; timeout: string }
  proxyProtocol: { accept: string; trust: string[]; timeout: string }
  tls: DescribedListenerTls | 'off'
  allow: string[]
  deny: string[]
}

export interface DescribedAffinity {
  key: KeyOption | KeyOption[]
  fallback: string
  cookie: CookieOptions | 'off'
  postgres: { tls: string }
  ipv4Prefix: number
  ipv6Prefix: number | 'auto'
  hotKey: { share: number; spread: number; by: KeyOption } | 'off'
}

export interface DescribedPool {
  placement: string
  boundedLoad: DescribedBound
  /** Where the secret came from, never the secret: `(set)`, `(from env NAME)`, `(from file)`, `(derived from the pool's name)`. */
  secret: string
  affinity: DescribedAffinity
  stickTable: { size: number; ttl: string; file: string } | 'off'
  timeouts: DescribedTimeouts
  backendTls: DescribedBackendTls | 'off'
  maxSessions: number
  retries: number
  health: DescribedHealth | 'off'
  failOpen: number | 'off'
  ejection: { failures: number; baseTime: string; maxEjected: number } | 'off'
  returnHome: string
  rebalance: { perMinute: number; minAge: string }
  agent: { port: number; interval: string }
  limits: {
    sessionsPerKey: number
    newPerSecondPerKey: number
    burst: number
    admitPerSecond: number
    queue: { size: number; timeout: string }
  }
  slowStart: string
  sendProxy: DescribedSendProxy
  source: { bind: string[]; transparent: string }
  /** Those that are listed, or where they are found. */
  backends: DescribedBackend[] | DescribedDiscovery
}

export type DescribedSendProxy = 'off' | 'v1' | 'v2' | { version: 'v1' | 'v2'; tlvs: ProxyTlvName[] }

export interface DescribedBackend {
  name: string
  address: string
  weight: number
  maxSessions: number
  backup: boolean
  state: BackendState
  /** What is different in its checks; absent: nothing. */
  health?: DescribedBackendHealth | 'off'
}

/** What was given of it. */
export interface DescribedBackendHealth extends Partial<Omit<DescribedHealth, 'tls' | 'onDown' | 'type' | 'initial'>> {
  type?: CheckType
  initial?: 'up' | 'down' | 'check'
  address?: string
  tls?: { serverName?: string; verify?: 'on' | 'off' } | 'off'
  onDown?: { sessions?: 'keep' | 'close'; perSecond?: number; deadline?: string }
}

export interface DescribedTimeouts {
  connect: string
  idle: string
  fin: string
  keepalive: { idle: string; interval: string; count: number; userTimeout: string }
}

/** Of what only some types have, only what the type has. */
export interface DescribedHealth {
  type: string
  interval: string
  fastInterval: string
  timeout: string
  rise: number
  fall: number
  initial: string
  port: number
  path?: string
  host?: string
  status?: string
  body?: string
  steps?: Record<string, string>[]
  tls?: { serverName?: string; verify: 'on' | 'off' }
  onDown: { sessions: string; perSecond: number; deadline: string }
}

/** Describes a configuration as plain data, for people and for JSON: durations as text, secrets by where they came from. */
export function describeConfig(config: ResolvedConfig): DescribedConfig {
  return {
    listeners: config.listeners.map(describeListener),
    pools: Object.fromEntries([...config.pools].map(([name, pool]) => [name, describePool(pool)])),
    threads: config.threads === 0 ? 'auto' : config.threads,
    shutdownTimeout: formatDuration(config.shutdownTimeout),
    state: config.state ?? 'off',
    ...given({ user: config.user, group: config.group }),
    log: { level: config.log.level, sessions: shareText(config.log.sessions) },
    ...(config.admin === undefined ? {} : { admin: describeAdmin(config.admin) }),
    ...(config.cluster === undefined ? {} : { cluster: describeCluster(config.cluster) }),
  }
}

function describeAdmin({ listen, token, hosts }: ResolvedAdmin): DescribedAdmin {
  return { listen: formatAddress(listen), ...given({ token: token?.toString() }), hosts: [...hosts] }
}

function describeListener(listener: ResolvedListener): DescribedListener {
  const { name, bind, pool, route, acceptor, relay, maxSessions, backlog } = listener
  const { deferAccept, fastOpen, peek, tls, allow, deny } = listener
  const { accept, trust, timeout } = listener.proxyProtocol
  return {
    name,
    bind: describeBind(bind),
    ...(pool === undefined ? { route: route.map(describeRoute) } : { pool }),
    acceptor,
    relay,
    maxSessions,
    backlog,
    deferAccept: deferAccept === 0 ? 'off' : formatDuration(deferAccept),
    fastOpen: fastOpen === 0 ? 'off' : fastOpen,
    peek: { bytes: formatSize(peek.bytes), timeout: formatDuration(peek.timeout) },
    proxyProtocol: { accept, trust: [...trust], timeout: formatDuration(timeout) },
    tls: describeListenerTls(tls),
    allow: [...allow],
    deny: [...deny],
  }
}

function describeBind(bind: BindAddress): string | { fd: number } {
  return bind.kind === 'fd' ? { fd: bind.fd } : formatAddress(bind)
}

function describePool(pool: ResolvedPool): DescribedPool {
  const { placement, secret, affinity, stickTable, timeouts, maxSessions, retries } = pool
  const {
    health,
    failOpen,
    ejection,
    returnHome,
    rebalance,
    agent,
    limits,
    slowStart,
    sendProxy,
    source,
    backends,
    discovery,
    backendTls,
  } = pool
  return {
    placement,
    boundedLoad: describeBound(pool),
    secret: secret.toString(),
    affinity: describeAffinity(affinity),
    stickTable: stickTable === undefined ? 'off' : describeTable(stickTable),
    timeouts: describeTimeouts(timeouts),
    backendTls: describeBackendTls(backendTls),
    maxSessions,
    retries,
    health: health === undefined ? 'off' : describeHealth(health),
    failOpen: failOpen === 0 ? 'off' : failOpen,
    ejection: ejection === undefined ? 'off' : { ...ejection, baseTime: formatDuration(ejection.baseTime) },
    returnHome,
    rebalance: { ...rebalance, minAge: formatDuration(rebalance.minAge) },
    agent: { ...agent, interval: formatDuration(agent.interval) },
    limits: { ...limits, queue: { ...limits.queue, timeout: formatDuration(limits.queue.timeout) } },
    slowStart: formatDuration(slowStart),
    sendProxy: describeSendProxy(sendProxy),
    source: { ...source, bind: [...source.bind] },
    backends:
      discovery === undefined
        ? backends.map(describeBackend)
        : describeDiscovery(discovery, describeBackendHealth(discovery)),
  }
}

function describeAffinity(affinity: ResolvedAffinity): DescribedAffinity {
  const { key, fallback, cookie, postgres, ipv4Prefix, ipv6Prefix, hotKey } = affinity
  const keys = key.map(keyOption)
  return {
    key: keys.length === 1 && keys[0] !== undefined ? keys[0] : keys,
    fallback,
    cookie: cookie === undefined ? 'off' : describeCookie(cookie),
    postgres: { ...postgres },
    ipv4Prefix,
    ipv6Prefix: ipv6Prefix === 0 ? 'auto' : ipv6Prefix,
    hotKey:
      hotKey === undefined || hotKey.ipv6Only
        ? 'off'
        : { share: hotKey.shareMilli / 1000, spread: hotKey.spread, by: keyOption(hotKey.by) },
  }
}

/** A backend in the words of the configuration. */
export function describeBackend(backend: ResolvedBackend): DescribedBackend {
  const { name, address, weight, maxSessions, backup, state } = backend
  const health = describeBackendHealth(backend)
  const settings = { name, address: formatAddress(address), weight, maxSessions, backup, state }
  return { ...settings, ...(health === undefined ? {} : { health }) }
}

/** What is different in the checks of a backend; undefined: nothing. */
export function describeBackendHealth({
  health,
}: Pick<ResolvedBackend, 'health'>): DescribedBackendHealth | 'off' | undefined {
  if (health === undefined || health === 'pool' || health === 'off') return health === 'pool' ? undefined : health
  const { type, interval, fastInterval, timeout, rise, fall, initial, port, address } = health
  const { path, host, status, body, steps, tls, onDown } = health
  return given({
    type,
    interval: durationText(interval),
    fastInterval: durationText(fastInterval),
    timeout: durationText(timeout),
    ...{ rise, fall, initial, port },
    address: address && formatAddress(address),
    ...{ path, host, status, body },
    steps: steps?.map(describeStep),
    tls: typeof tls === 'object' ? given(tls) : tls,
    onDown: onDown && given({ ...onDown, deadline: durationText(onDown.deadline) }),
  })
}

function durationText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatDuration(ms)
}

function describeTable({ size, ttl, file }: ResolvedStickTable): { size: number; ttl: string; file: string } {
  return { size, ttl: formatDuration(ttl), file: file ?? 'off' }
}

function describeHealth({ http, steps, tls, onDown, ...health }: ResolvedHealth): DescribedHealth {
  const { type, interval, fastInterval, timeout, rise, fall, initial, port } = health
  return {
    type,
    interval: formatDuration(interval),
    fastInterval: formatDuration(fastInterval),
    timeout: formatDuration(timeout),
    ...{ rise, fall, initial, port },
    ...(type === 'http' || type === 'https' ? given(http) : {}),
    ...(type === 'expect' ? { steps: steps.map(describeStep) } : {}),
    ...(tls === undefined
      ? {}
      : { tls: { ...given({ serverName: tls.serverName }), verify: tls.verify ? 'on' : 'off' } }),
    onDown: { ...onDown, deadline: formatDuration(onDown.deadline) },
  }
}

function describeStep({ timeout, ...words }: ResolvedCheckStep): Record<string, string> {
  return { ...given(words), ...(timeout === undefined ? {} : { timeout: formatDuration(timeout) }) }
}

function describeTimeouts({ connect, idle, fin, keepalive }: ResolvedTimeouts): DescribedTimeouts {
  return {
    connect: formatDuration(connect),
    idle: formatDuration(idle),
    fin: formatDuration(fin),
    keepalive: {
      idle: formatDuration(keepalive.idle),
      interval: formatDuration(keepalive.interval),
      count: keepalive.count,
      userTimeout: formatDuration(keepalive.userTimeout),
    },
  }
}

function shareText(share: number): 'off' | 'on' | number {
  if (share === 0) return 'off'
  return share === 1 ? 'on' : share
}
