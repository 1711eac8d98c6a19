import type { ProxyRules } from '../acceptor/filter.ts'
import { USUAL_PEEK } from '../config/peek-schema.ts'
import type { ResolvedPeek, ResolvedSendProxy, ResolvedSource, ResolvedTimeouts } from '../config/resolved.ts'
import type { NativeAddressFilter } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import type { RouteSources } from '../routing/route-sources.ts'
import type { Terminator } from '../tls/terminator.ts'
import type { SessionSettings } from './session-settings.ts'

/** A pool, and what holds for sessions that come to it. */
export interface Destination {
  pool: PoolCore
  /** Of the pool, as they are for the sessions of this target. */
  session: SessionSettings
}

/** Of a listener that serves several pools: which one a client is for. */
export interface Routes<T> extends RouteSources {
  /** By the places that rules give. */
  readonly to: readonly T[]
}

/** What a target is made of. */
export interface TargetSettings extends Destination {
  /** Undefined: sockets that are given to a pool. */
  listener?: string | undefined
  /** Undefined: all of them go to the pool. */
  routes?: Routes<Destination> | undefined
  /** 0: no limit of its own. */
  maxSessions: number
  /** Undefined: whoever comes is taken. */
  filter?: NativeAddressFilter | undefined
  /** How first bytes are looked at, where keys are there; undefined: as usual. */
  peek?: ResolvedPeek | undefined
  /** Undefined: clients come without a PROXY header. */
  proxy?: ProxyRules | undefined
  /** Where the TLS of its clients ends; undefined: bytes are passed on as they are. */
  tls?: Terminator | undefined
  /** In whose place it will be: the sessions of that one count for its `maxSessions`. */
  before?: Target | undefined
  /** The one that chooses this one by its routes, and whose sessions its own are. */
  chooser?: Target | undefined
}

/** Sessions of a listener in the stream relay, whichever of its targets they came to. */
interface StreamSessions {
  count: number
  /** By the target that wants to be told when that changes. */
  watchers: Map<Target, (sessions: number) => void>
}

/**
 * Where clients go: a listener with its pool, or a pool alone (`handle()`). What it is never changes: a reload puts another one
 * in its place, and sessions go on with what they began with.
 */
export class Target implements SessionSettings {
  /** Undefined: sockets that were given to a pool. */
  readonly listener: string | undefined
  /** With routes: that of the last one, see {@link Destinations}. */
  readonly pool: PoolCore
  /** Undefined: all of its clients go to the pool. */
  readonly routes: Routes<Target> | undefined
  readonly timeouts: ResolvedTimeouts
  /** Further tries after a failed connect. */
  readonly retries: number
  /** Undefined: backends are told nothing. */
  readonly sendProxy: ResolvedSendProxy | undefined
  /** Where connections to backends come from. */
  readonly source: ResolvedSource
  /** 0: no limit of its own. */
  readonly maxSessions: number
  /** Undefined: whoever comes is taken. */
  readonly filter: NativeAddressFilter | undefined
  /** How its clients' first bytes are looked at, where their keys are there. */
  readonly peek: ResolvedPeek
  /** Undefined: clients come without a PROXY header. */
  readonly proxy: ProxyRules | undefined
  /** Where the TLS of its clients ends; undefined: bytes are passed on as they are. */
  readonly tls: Terminator | undefined
  /** Its number in the native relay; undefined: the stream relay serves it. */
  nativeId: number | undefined
  readonly #stream: StreamSessions
  /** The number of the one before, at the time when this one was made. */
  readonly nativeIdBefore: number | undefined
  /** Reasons that were already given in the log for not using the native relay. */
  readonly told: Set<string>

  constructor({ routes, ...settings }: TargetSettings) {
    const { listener, pool, session, maxSessions, filter, peek, proxy, tls, before, chooser } = settings
    this.listener = listener
    this.pool = pool
    this.timeouts = session.timeouts
    this.retries = session.retries
    this.sendProxy = session.sendProxy
    this.source = session.source
    this.maxSessions = maxSessions
    this.filter = filter
    this.peek = peek ?? USUAL_PEEK
    this.proxy = proxy
    this.tls = tls
    const shared = chooser ?? before
    this.#stream = shared === undefined ? { count: 0, watchers: new Map() } : shared.#stream
    this.nativeIdBefore = before?.nativeId
    this.told = new Set(before?.told)
    this.routes = routes && {
      ...routes,
      to: routes.to.map(destination => new Target({ ...settings, ...destination, chooser: this })),
    }
  }

  /** This one, and those that it chooses among. */
  get all(): readonly Target[] {
    return [this, ...(this.routes?.to ?? [])]
  }

  /** Whether its clients go, or may go, to that pool. */
  leadsTo(core: PoolCore): boolean {
    return this.all.some(({ pool }) => pool === core)
  }

  /** Sessions in the stream relay, those of targets in whose place it is included. */
  get streamSessions(): number {
    return this.#stream.count
  }

  set streamSessions(sessions: number) {
    this.#stream.count = sessions
    for (const changed of this.#stream.watchers.values()) changed(sessions)
  }

  /** Tells how many there are, now and when that changes. */
  watchStreamSessions(changed: (sessions: number) => void): void {
    this.#stream.watchers.set(this, changed)
    changed(this.#stream.count)
  }

  unwatchStreamSessions(): void {
    this.#stream.watchers.delete(this)
  }
}
