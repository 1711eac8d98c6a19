import {
  type BackendAddress,
  type BindAddress,
  DEFAULT_ADMIN_LISTEN,
  type ListenAddress,
  readBackendAddress,
  readBindAddress,
  readListenAddress,
} from './address.ts'
import { readHotBy, readKeys } from './key-source.ts'
import { isMapping } from './mapping.ts'
import { type SourceView, sourceView } from './outgoing.ts'
import type { Parsed } from './parsed.ts'
import { peekBytesOf } from './peek-schema.ts'
import type { ResolvedKey } from './resolved.ts'
import { asksCode, isDefault, MOST_ROUTES } from './route.ts'
import { LIMITS } from './schema.ts'

/**
 * The parts of a document that refer to each other, as far as they can be read. The checks across the document work
 * on this and not on the schema's output, which does not exist while anything at all is wrong: so both kinds of
 * mistakes are told in one go.
 */
export interface View {
  state?: string | undefined
  /** Whom the process becomes. */
  user?: unknown
  listeners: readonly ListenerView[]
  pools: readonly PoolView[]
  /** Undefined: there is none. */
  admin?: AdminView | undefined
  /** Undefined: there is none. */
  cluster?: { url: unknown } | undefined
}

export interface AdminView {
  listen?: ListenAddress | undefined
  token: unknown
}

export interface ListenerView {
  index: number
  name?: string | undefined
  bind?: BindAddress | undefined
  /** Names of its pools, as far as it names any. */
  pools: readonly string[]
  /** What says which pool, as far as it can be read; undefined: nothing is known of it. */
  choice?: ListenerChoice | undefined
  acceptor?: unknown
  relay?: unknown
  deferAccept?: unknown
  fastOpen?: unknown
  tls?: unknown
  /** Whether its clients come through proxies, as it is written. */
  acceptsProxy?: boolean
  trust?: unknown
  /** How many of the first bytes it looks at; undefined: that cannot be read. */
  peekBytes?: number | undefined
  allow?: unknown
  deny?: unknown
}

/** How a listener says where its clients go. */
export interface ListenerChoice {
  pool?: string | undefined
  hasPool: boolean
  hasRoute: boolean
  routes: readonly RouteView[]
}

export interface RouteView {
  index: number
  pool?: string | undefined
  isDefault: boolean
  hasPort: boolean
  /** A function says the pool, of whatever name. */
  asksCode: boolean
}

export interface PoolView {
  name: string
  isRing: boolean
  /** Whose sessions its bound counts, as it is written. */
  boundScope?: unknown
  secret: unknown
  /** The file of its stick table, as it is written. */
  tableFile?: string | undefined
  /** A burst is given, but no rate. */
  hasIdleBurst?: boolean
  /** Clients are to be brought home. */
  isRebalanced?: boolean
  /** Hot keys are to be spread, and there is no stick table. */
  isHotWithoutTable?: boolean
  /** `ipv6Prefix: auto`, which looks for hot /64s, beside no table. */
  isAutoWithoutTable?: boolean
  backendTls?: unknown
  /** Where keys are. */
  keys?: readonly ResolvedKey[] | undefined
  /** What tells the clients of a hot key apart; undefined: nothing, or it cannot be read. */
  hotBy?: string | undefined
  /** Requests for encryption are to be refused. */
  refusesEncryption?: boolean
  /** Of its cookie; undefined: it has none. */
  cookieMode?: unknown
  /** Clients without a key are refused. */
  refusesOthers?: boolean
  /** It has no stick table. */
  isTableOff?: boolean
  /** Clients go home again that were sent elsewhere. */
  returnsHome?: boolean
  /** A queue is given, but nothing that could make a backend full. */
  hasIdleQueue?: boolean
  /** An agent is given, but no port. */
  hasIdleAgent?: boolean
  source?: SourceView
  /** Its backends are found: nothing is known of them yet. */
  isDiscovered?: boolean
  backends: readonly BackendView[]
}

export interface BackendView {
  index: number
  name?: string | undefined
  address?: BackendAddress | undefined
  weight: number
}

export function viewOf(raw: unknown): View {
  const { listeners, pools, admin, cluster, state, user } = isMapping(raw) ? raw : {}
  return {
    state: textOf(state),
    user,
    listeners: Array.isArray(listeners) ? listeners.slice(0, LIMITS.listeners).map(listenerView) : [],
    pools: isMapping(pools) ? Object.entries(pools).map(([name, pool]) => poolView(name, pool)) : [],
    admin: isMapping(admin) ? adminView(admin) : undefined,
    cluster: isMapping(cluster) ? { url: cluster.url } : undefined,
  }
}

function adminView({ listen = DEFAULT_ADMIN_LISTEN, token }: Record<string, unknown>): AdminView {
  return { listen: valueIn(readListenAddress(listen)), token }
}

function listenerView(raw: unknown, index: number): ListenerView {
  if (!isMapping(raw)) return { index, pools: [] }
  const { name, bind, acceptor, relay, deferAccept, fastOpen, tls, allow, deny } = raw
  const { accept, trust } = isMapping(raw.proxyProtocol) ? raw.proxyProtocol : {}
  const choice = choiceOf(raw)
  const names = [choice.pool, ...choice.routes.map(({ pool }) => pool)]
  return {
    index,
    name: textOf(name),
    bind: valueIn(readBindAddress(bind, true)),
    pools: [...new Set(names.filter(name => name !== undefined))],
    choice,
    peekBytes: peekBytesOf(raw.peek),
    acceptsProxy: accept === 'on' || accept === true,
    ...{ acceptor, relay, deferAccept, fastOpen, tls, trust, allow, deny },
  }
}

function choiceOf({ pool, route }: Record<string, unknown>): ListenerChoice {
  return {
    pool: textOf(pool),
    hasPool: pool !== undefined,
    hasRoute: route !== undefined,
    routes: Array.isArray(route) ? route.slice(0, MOST_ROUTES).map(routeView) : [],
  }
}

function routeView(raw: unknown, index: number): RouteView {
  if (!isMapping(raw)) return { index, isDefault: false, hasPort: false, asksCode: false }
  const [pool, hasPort] = [textOf(raw.pool), raw.port !== undefined]
  return { index, pool, isDefault: isDefault(raw), hasPort, asksCode: asksCode(raw) }
}

function poolView(name: string, raw: unknown): PoolView {
  const {
    placement,
    boundedLoad,
    secret,
    stickTable,
    backends,
    limits,
    maxSessions = 0,
    agent,
    rebalance,
    returnHome = 'never',
    affinity,
    backendTls,
    source,
  } = isMapping(raw) ? raw : {}
  const { burst = 0, newPerSecondPerKey = 0, queue } = isMapping(limits) ? limits : {}
  const { size = 0 } = isMapping(queue) ? queue : {}
  // An agent may limit its backend, too.
  const { port = 0 } = isMapping(agent) ? agent : {}
  const { key, fallback, cookie, postgres, hotKey } = isMapping(affinity) ? affinity : {}
  return {
    name,
    isRing: placement === 'ring',
    boundScope: isMapping(boundedLoad) ? boundedLoad.scope : undefined,
    isHotWithoutTable: isMapping(hotKey) && (stickTable === 'off' || stickTable === false),
    hotBy: isMapping(hotKey) && hotKey.by !== undefined ? valueIn(readHotBy(hotKey.by)) : undefined,
    isAutoWithoutTable:
      isMapping(affinity) && affinity.ipv6Prefix === 'auto' && (stickTable === 'off' || stickTable === false),
    secret,
    backendTls,
    tableFile: isMapping(stickTable) && stickTable.file !== 'off' ? textOf(stickTable.file) : undefined,
    hasIdleBurst: burst !== 0 && newPerSecondPerKey === 0,
    isRebalanced: isMapping(rebalance) && (rebalance.perMinute ?? 0) !== 0,
    keys: key === undefined ? undefined : valueIn(readKeys(key)),
    refusesEncryption: isMapping(postgres) && postgres.tls === 'refuse',
    refusesOthers: fallback === 'refuse',
    returnsHome: returnHome !== 'never',
    isTableOff: stickTable === 'off' || stickTable === false,
    cookieMode: isMapping(cookie) ? cookie.mode : undefined,
    hasIdleQueue: size !== 0 && port === 0 && maxSessions === 0 && Array.isArray(backends) && !backends.some(isLimited),
    source: sourceView(source),
    hasIdleAgent: isMapping(agent) && agent.port === undefined,
    isDiscovered: isMapping(backends),
    backends: Array.isArray(backends) ? backends.slice(0, LIMITS.backends).map(backendView) : [],
  }
}

function isLimited(backend: unknown): boolean {
  return isMapping(backend) && (backend.maxSessions ?? 0) !== 0
}

function backendView(raw: unknown, index: number): BackendView {
  if (!isMapping(raw)) return { index, weight: 1 }
  const { weight = 1 } = raw
  return {
    index,
    name: textOf(raw.name),
    address: valueIn(readBackendAddress(raw.address)),
    weight: typeof weight === 'number' && weight > 0 ? weight : 0,
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function valueIn<T>(parsed: Parsed<T>): T | undefined {
  return 'value' in parsed ? parsed.value : undefined
}
