import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../log/log.ts'
import type { PoolCore } from '../../pool/core.ts'
import type { Exchange } from '../exceptions/exchange.ts'
import type { PoolSharing } from '../exceptions/pool-sharing.ts'
import type { Members } from '../members/members.ts'
import type { StoreLink } from '../store/link.ts'
import type { StoreKeys } from '../store/store-keys.ts'
import { type Announcement, announcementOf, type HomeBackend, presentOf } from './announcement.ts'
import type { PoolSwitch } from './pool-switch.ts'
import { RedisSwitchStore } from './store.ts'
import { Switches } from './switches.ts'

/** What a pool is to have. */
export interface NextBackends {
  core: PoolCore
  backends: Iterable<HomeBackend>
}

/** A store that is there. */
export interface OpenStore {
  link: StoreLink
  keys: StoreKeys
  exchange: Exchange
}

/** What a balancer does so that all of a cluster change the homes of their clients together. */
export class ClusterSwitches {
  readonly #log: Log
  readonly #store: RedisSwitchStore
  readonly #switches: Switches
  readonly #members: Members
  readonly #sharings: ReadonlyMap<string, PoolSharing>
  readonly #pools = new WeakMap<PoolSharing, PoolSwitch>()
  #open: OpenStore | undefined

  /** @param sharings - those that there are, also when it is looked at later */
  constructor(sharings: ReadonlyMap<string, PoolSharing>, members: Members, timeoutMs: number, log: Log) {
    this.#log = log
    this.#members = members
    this.#sharings = sharings
    this.#store = new RedisSwitchStore(members)
    this.#switches = new Switches({
      id: members.id,
      timeoutMs,
      store: this.#store,
      pools: { get: name => this.#poolOf(name) },
      clock: {
        now: () => performance.now(),
        // Aborted: nobody waits for it any more.
        sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
      },
      failed: (error, pool) =>
        this.#log.debug({ pool, reason: error.message }, 'a change that another balancer announced is answered later'),
    })
  }

  /** Undefined: the store is away. */
  use(open: OpenStore | undefined): void {
    this.#open = open
    this.#store.use(open)
  }

  /** Pools or backends were changed. */
  changed(): void {
    for (const sharing of this.#sharings.values()) this.#pools.get(sharing)?.changed()
    this.#switches.changed()
  }

  /**
   * Answers what was announced. Rejects when the store is away.
   *
   * @param hasRead - whether everything of others was read that there was
   */
  async turn(hasRead: boolean): Promise<void> {
    if (hasRead) this.#store.hasRead()
    await this.#switches.turn()
  }

  /**
   * Before pools get other backends: resolves when every balancer has told which of its clients stay where they are, and after
   * `switchTimeout` at the latest. Never rejects.
   */
  async beforeChange(changes: readonly NextBackends[]): Promise<void> {
    const announcements = changes.flatMap(({ core, backends }): Announcement[] => {
      const announcement = this.#sharings.has(core.name) ? announcementOf(core, backends) : undefined
      return announcement === undefined ? [] : [announcement]
    })
    await this.#announce(announcements)
  }

  /**
   * Before the first client, where others have other backends: as {@link ClusterSwitches.beforeChange}, for what this balancer
   * begins with.
   */
  async beforeStart(cores: Iterable<PoolCore>): Promise<void> {
    if (!this.#members.others.some(({ isLive, differences }) => isLive && differences.length > 0)) return
    await this.#announce([...cores].filter(({ name }) => this.#sharings.has(name)).map(presentOf))
  }

  open(): void {
    this.#switches.open()
  }

  /** Nobody waits any more, until it is opened again. */
  close(): void {
    this.#switches.close()
  }

  async #announce(announcements: readonly Announcement[]): Promise<void> {
    if (announcements.length === 0) return
    const { reason, ms, missing } = await this.#switches.announce(announcements)
    const facts = { pools: announcements.map(({ pool }) => pool), ms: Math.round(ms), reason }
    if (reason === 'timeout')
      this.#log.warn(
        { ...facts, balancers: this.#members.namesOf(missing) },
        'backends change though not every balancer has said which clients stay: some may be sent elsewhere',
      )
    else this.#log.debug(facts, 'a change of backends was announced')
  }

  #poolOf(name: string): PoolSwitch | undefined {
    const sharing = this.#sharings.get(name)
    if (sharing === undefined) return undefined
    const known = this.#pools.get(sharing)
    if (known !== undefined) return known
    const made = sharing.switchBy(async pins => {
      if (this.#open === undefined) throw new Error('the store is away')
      await this.#open.exchange.publish(name, pins)
    })
    this.#pools.set(sharing, made)
    return made
  }
}
