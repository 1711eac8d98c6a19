import { sharedRoster } from '../cluster/rosters/errors.ts'
import { checkBackendHealth } from '../config/backend-health.ts'
import { describeBackend } from '../config/describe.ts'
import type { BackendChanges, BackendHealthOptions, BackendOptions, BackendState } from '../config/options.ts'
import { resolveBackend, resolveBackendChanges } from '../config/resolve.ts'
import type { ResolvedBackend } from '../config/resolved.ts'
import { argumentTypeError } from '../errors.ts'
import type { BackendAgent } from './agents.ts'
import type { PoolCore } from './core.ts'
import { badClient, type Client, type Decision, decide } from './decision.ts'
import type { BackendHealth } from './health.ts'
import { type LiveKeys, type LiveKeysOptions, liveKeysOf } from './live-keys.ts'
import { changedBackend } from './membership.ts'
import { type NextPick, nextPick } from './next-pick.ts'
import { type Plan, type PlanChange, type PlanOptions, planOf } from './plan.ts'
import { PoolRoster, type PoolRosterOwner } from './pool-roster.ts'
import type { BackendRecord } from './records.ts'
import { backendExists, checkRing, refuseDiscovered, tooManyBackends, unknownBackend } from './refusals.ts'
import { PoolTable } from './table.ts'

/** A backend and what is on it now. */
export interface BackendInfo {
  /** Its stable name. */
  name: string
  /** Its address, as it is configured. */
  address: string
  /** Its share of the clients; 0: no new keys. */
  weight: number
  /** Most sessions at one time; 0: no limit of its own. */
  maxSessions: number
  /** Whether it serves only while no other one takes new clients. */
  backup: boolean
  /** What is wanted of it. */
  state: BackendState
  /** What checks say of it; absent: the pool has none, or they have not begun. */
  health?: BackendHealth
  /** What its agent has said; absent: the pool has none, or they are not asked. */
  agent?: BackendAgent
  /** What is different in its checks (`health` of the backend), in the words of the configuration; absent: nothing. */
  checks?: BackendHealthOptions | 'off'
  /** The part of its clients that it takes, while it warms up (`slowStart`); absent: all of them. */
  ramp?: number
  /** Sessions on it now, those that are still connecting and picks that were not released included. */
  sessions: number
  /**
   * Those of them that live in the process whose place this one has taken, as that one tells until it has ended; absent: none.
   */
  inherited?: number
  /**
   * Sessions that other balancers have on it, as they have told last; absent: they are not counted (`boundedLoad.scope` is
   * `local`).
   */
  peerSessions?: number
  /** Whether new clients come to it now: it is ready, not down, below `maxSessions`, and no backup that is not needed. */
  takesNew: boolean
  /**
   * New clients come to it while it has fewer sessions than this, by `boundedLoad`; it changes with every session of the pool.
   * What other balancers have on it is taken off, where they are counted; 0: they have filled it.
   * Null: there is no bound, or no new clients come to it whatever it has.
   */
  bound: number | null
  /** Sessions that it was ever picked for. */
  total: number
  /** Connects to it that failed. */
  connectFailures: number
}

/** What a pool would do with a client; nothing was changed to find that out. */
export interface Explanation {
  /** The address that was asked about, or the text of the key. */
  address: string
  /** The affinity key: the address under the pool's prefixes, like `192.0.2.0/24`. */
  key: string
  /** The wider prefix that its home is of, like `2001:db8:0:100::/56` (`ipv6Prefix: auto`); undefined: it is of the key itself. */
  homeKey: string | undefined
  /** Name of the first backend of the key's order; undefined: no backend has a weight, or only backups have. */
  home: string | undefined
  /** Names of all backends of weight > 0, best first for this key; backups behind the others. */
  order: string[]
  /**
   * The stick table's entry; undefined: none. `returns`: a connection now would go home instead, by `returnHome`; absent: it
   * would not.
   */
  pin: { backend: string; expiresInMs: number | undefined; returns?: true } | undefined
  /**
   * Clients of its {@link Explanation.homeKey} that are not at home were sent to this backend last: without a pin of its own it goes there,
   * if there is room. Undefined: none is known.
   */
  blockPin: string | undefined
  /** The key is hot: names of the backends that its clients are spread over, its home first; undefined: it is not. */
  spread: string[] | undefined
  /**
   * Where a connection of the client would go now, and why; undefined: nobody would serve it, or it cannot be told (a key that is
   * no address, whose home warms up).
   */
  next: NextPick | undefined
}

/** What is told of one backend that was changed. */
export type ChangeEvent = 'backendAdded' | 'backendUpdated' | 'backendRemoved'

/** What the balancer does for its pools. */
export interface PoolOwner extends PoolRosterOwner {
  /** Throws when nothing can be changed any more, since another process takes the place of this one. */
  assertChangeable(): void
  changed(event: ChangeEvent, core: PoolCore, backend: BackendRecord): void
}

/**
 * A set of backends with one affinity policy; get it from {@link Balancer.pool}. Every change of its backends is
 * published as one new roster before the method returns. After the balancer is closed every method throws
 * `LIMPET_ERR_INVALID_STATE`.
 */
export class Pool {
  /** Its stick table. */
  readonly table: PoolTable
  /** Its backends at all balancers of a cluster. */
  readonly roster: PoolRoster
  readonly #core: PoolCore
  readonly #owner: PoolOwner

  /** @internal */
  constructor(core: PoolCore, owner: PoolOwner) {
    this.#core = core
    this.#owner = owner
    this.table = new PoolTable(core, () => owner.assertChangeable())
    this.roster = new PoolRoster(core, owner, {
      add: options => this.#add(options),
      update: (name, changes) => this.#update(name, changes),
      remove: name => this.#remove(name),
    })
  }

  /** Its name in the configuration. */
  get name(): string {
    return this.#core.name
  }

  /**
   * 16 hex digits of placement, secret, prefixes, and names and weights of the backends: pools of equal digests have
   * equal homes.
   */
  get digest(): string {
    return this.#core.digest
  }

  /** Number of backends. */
  get size(): number {
    return this.#core.size
  }

  /**
   * Adds a backend. About 1/n of the homes move to it, no others; pins stay.
   *
   * @throws {@link LimpetConfigError} an option is not valid
   * @throws {@link LimpetError} `LIMPET_ERR_BACKEND_EXISTS`, `LIMPET_ERR_TOO_MANY_BACKENDS`, `LIMPET_ERR_SELF_BACKEND`;
   *   `LIMPET_ERR_BAD_ADDRESS`: a host name after `listen()`, which looks names up once; `LIMPET_ERR_DISCOVERED`: the backends
   *   of this pool are found; `LIMPET_ERR_ROSTER_SHARED`: they are those of all balancers, which {@link Pool.roster} changes
   */
  add(options: BackendOptions): void {
    this.#assertOwn()
    this.#add(options)
  }

  #add(options: BackendOptions): void {
    const backend = resolveBackend(options)
    refuseDiscovered(this.#core.settings, backend.name)
    if (this.#core.backend(backend.name) !== undefined) throw backendExists(this.name, backend.name)
    this.#set('backendAdded', backend)
  }

  /**
   * Removes a backend: its homes move to the others, its pins are forgotten, it gets no new sessions. Those that it
   * has go on until they end.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_UNKNOWN_BACKEND`, `LIMPET_ERR_DISCOVERED`, `LIMPET_ERR_ROSTER_SHARED`
   */
  remove(name: string): void {
    this.#assertOwn()
    this.#remove(name)
  }

  #remove(name: string): void {
    const backend = this.#known(name)
    refuseDiscovered(this.#core.settings, name)
    this.#owner.assertChangeable()
    this.#core.apply({ set: [], removed: [name] })
    this.#owner.changed('backendRemoved', this.#core, backend)
  }

  /**
   * Changes a backend; what is not given stays. A new weight moves homes as little as can be; a new address holds for
   * connections that are made from now on; sessions go on.
   *
   * @throws {@link LimpetConfigError} an option is not valid
   * @throws {@link LimpetError} `LIMPET_ERR_UNKNOWN_BACKEND`, `LIMPET_ERR_SELF_BACKEND`; `LIMPET_ERR_BAD_ADDRESS`: a
   *   host name after `listen()`; `LIMPET_ERR_DISCOVERED`: an address, and the backends of this pool are found;
   *   `LIMPET_ERR_ROSTER_SHARED`
   */
  update(name: string, changes: BackendChanges): void {
    this.#assertOwn()
    this.#update(name, changes)
  }

  #update(name: string, changes: BackendChanges): void {
    const resolved = resolveBackendChanges(changes)
    const backend = changedBackend(this.#known(name), resolved)
    if (resolved.address !== undefined) refuseDiscovered(this.#core.settings, name)
    this.#set('backendUpdated', backend)
  }

  /** The backends and what is on them now, in the order in which they were added. */
  backends(): BackendInfo[] {
    return infoOf(this.#core)
  }

  /**
   * Picks a backend for a client, as a session would: takes a seat, which {@link Decision.release} gives back, and
   * makes a provisional pin.
   *
   * @param client - its IP address, or the bytes of its key where that is none (1 to 65,536); `undefined`: a client without one,
   *   which goes to the least loaded backend
   * @throws {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`, `LIMPET_ERR_NO_BACKEND`, `LIMPET_ERR_POOL_FULL`;
   *   `LIMPET_ERR_KEY_SESSIONS`, `LIMPET_ERR_KEY_RATE`: the pool's `limits`
   */
  pick(client: Client): Decision {
    return decide(this.#core, client)
  }

  /**
   * Tells where a client belongs, without changing anything.
   *
   * @param client - its IP address, or the bytes of its key where that is none
   * @throws {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`
   */
  explain(client: string | Uint8Array): Explanation {
    if (typeof client !== 'string' && !(client instanceof Uint8Array))
      throw argumentTypeError('client', 'a string or an Uint8Array', client)
    const { native } = this.#core
    this.#core.publishHealth()
    const found = native.explain(client)
    if (found === null) throw badClient(this.name, client)
    const address = typeof client === 'string' ? client : found.key
    const order = Array.from(found.order, index => this.#core.backendAt(index).name)
    const expiresInMs = found.expiresInMs < 0 ? undefined : found.expiresInMs
    const returns = found.returns ? { returns: true as const } : {}
    const pin = found.pin < 0 ? undefined : { backend: this.#core.backendAt(found.pin).name, expiresInMs, ...returns }
    // Nobody is at home at a backup.
    const home = order.find(name => this.#core.backend(name)?.backup === false)
    const homeKey = found.homeKey === found.key ? undefined : found.homeKey
    const blockPin = found.blockPin < 0 ? undefined : this.#core.backendAt(found.blockPin).name
    const known = { address: typeof client === 'string' ? client : undefined, home, order, pin, blockPin }
    const places = Array.from(found.places, index => this.#core.backendAt(index).name)
    const spread = places.length === 0 ? undefined : [...new Set(places)]
    const next = nextPick(this.#core, known)
    return { address, key: found.key, homeKey, home, order, pin, blockPin, spread, next }
  }

  /**
   * Tells what a change of backends would move, without changing anything. Homes are found as picks find them; where the
   * pool is too large to look at every place in `options.timeMs`, a sample of them is looked at. States move no homes.
   *
   * @throws {@link LimpetConfigError} an option is not valid
   * @throws {@link LimpetError} what the change itself would throw
   */
  plan(change: PlanChange, options: PlanOptions = {}): Plan {
    return planOf(this.#core, change, options, backend => this.#owner.check(this.#core, backend))
  }

  /**
   * The keys that have live sessions: how many, which have the most, and who of whom is where. Other work goes on between
   * its 64 parts.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_NO_TABLE`: sessions are counted by key beside a stick table only; a `RangeError`
   */
  async liveKeys(options: LiveKeysOptions = {}): Promise<LiveKeys> {
    return await liveKeysOf(this.#core, options)
  }

  /**
   * Homes of many addresses, for millions of them.
   *
   * @param input - addresses, one a line, each ended by a line feed; a last line without one is not consumed
   * @returns `output`: a line `address home` for each, `address !` where it is no address, `address -` where there is no
   *   home; `consumed`: bytes of the input that were used; `malformed`: lines that were no address
   */
  homes(input: Uint8Array): { output: Buffer; consumed: number; malformed: number } {
    if (!(input instanceof Uint8Array)) throw argumentTypeError('input', 'a Uint8Array', input)
    return this.#core.native.homes(input)
  }

  #assertOwn(): void {
    if (this.#owner.rosters() !== undefined) throw sharedRoster(this.name)
  }

  #known(name: string): BackendRecord {
    if (typeof name !== 'string') throw argumentTypeError('name', 'a string', name)
    this.#core.assertOpen()
    const backend = this.#core.backend(name)
    if (backend !== undefined) return backend
    throw unknownBackend(this.name, name)
  }

  #set(event: Exclude<ChangeEvent, 'backendRemoved'>, backend: ResolvedBackend): void {
    this.#core.assertOpen()
    this.#owner.assertChangeable()
    checkBackendHealth(this.#core.settings.health, backend)
    const others = [...this.#core.backends()].filter(({ name }) => name !== backend.name)
    checkRing(this.#core.settings, [...others, backend])
    this.#owner.check(this.#core, backend)
    if (!this.#core.apply({ set: [backend], removed: [] })) throw tooManyBackends(this.name, backend.name)
    this.#owner.changed(event, this.#core, this.#core.backend(backend.name) ?? { ...backend, endpoint: undefined })
  }
}

/** What is known of each backend, in the order in which they were added. */
export function infoOf(core: PoolCore): BackendInfo[] {
  core.publishHealth()
  const figures = core.figures()
  return [...core.backends()].map(backend => {
    const health = core.health.of(backend)
    const ramp = core.rampOf(backend.name)
    const { inherited, peerSessions, ...now } = figures(backend.name)
    const agent = core.agents.of(backend.name)
    const facts = {
      ...(health === undefined ? {} : { health }),
      ...(agent === undefined ? {} : { agent }),
      ...(ramp === 1 ? {} : { ramp }),
      ...(inherited === 0 ? {} : { inherited }),
      ...(core.settings.boundScope === 'local' ? {} : { peerSessions }),
    }
    return { ...settingsOf(backend), ...facts, ...now }
  })
}

type ToldSettings = 'name' | 'address' | 'weight' | 'maxSessions' | 'backup' | 'state' | 'checks'

/** What is configured of a backend, as it is told. */
export function settingsOf(backend: ResolvedBackend): Pick<BackendInfo, ToldSettings> {
  const { health: checks, ...settings } = describeBackend(backend)
  return { ...settings, ...(checks === undefined ? {} : { checks }) }
}
