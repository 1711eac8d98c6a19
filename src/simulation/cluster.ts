import { Calendar } from './calendar.ts'
import { Loads } from './loads.ts'
import type { ClusterChange, ClusterFindings, ClusterOptions } from './options.ts'
import { randomFrom, waitOf } from './random.ts'
import { Roster } from './roster.ts'
import { Store } from './store.ts'

/** As `cluster.switchTimeout` by default: so long a change of homes waits for the pins that it makes exceptions. */
const SWITCH_SECONDS = 10
const NOBODY = 255
const SECONDS_PER_HOUR = 3600

/**
 * Several balancers, a store and clients that come and go, event by event. Homes are those of Limpet's own placement; the bound is
 * that of docs/bounded-load.md. A balancer knows the pins of clients that it had last, homes, and what is in the store.
 */
export class ClusterSimulation {
  readonly #options: ClusterOptions
  readonly #random: () => number
  readonly #roster: Roster
  readonly #loads: Loads
  readonly #store: Store
  readonly #calendar: Calendar
  readonly #alive: number[]
  /** By client, as all that follows: its key, which a new client in its place changes. */
  readonly #key: Float64Array
  readonly #home: Int16Array
  readonly #pin: Int16Array
  /** Until when the pin holds, while no session lives. */
  readonly #until: Float64Array
  readonly #balancer: Uint8Array
  readonly #isLive: Uint8Array
  /** A change of homes that is announced. */
  #switchAt: number | undefined
  #sessions = 0
  #returns = 0
  #broken = 0
  #mostExceptions = 0

  constructor(options: ClusterOptions) {
    const { clients, balancers, backends, duration, seed, changes, session, pause } = options
    this.#options = options
    this.#random = randomFrom(seed)
    this.#roster = new Roster(backends, seed)
    this.#loads = new Loads(options, this.#roster, backends + changes.length)
    this.#store = new Store(clients, duration + 1)
    this.#calendar = new Calendar(clients)
    this.#alive = Array.from({ length: balancers }, (_, balancer) => balancer)
    this.#key = Float64Array.from({ length: clients }, (_, client) => client)
    this.#home = Int16Array.from({ length: clients }, (_, client) => this.#roster.homeOf(client))
    this.#pin = new Int16Array(clients).fill(-1)
    this.#until = new Float64Array(clients)
    this.#balancer = new Uint8Array(clients).fill(NOBODY)
    this.#isLive = new Uint8Array(clients)
    for (let client = 0; client < clients; client++) this.#calendar.put(client, this.#random() * (session + pause))
  }

  /** Simulates, and gives the seconds that are done after every minute. */
  *minutes(): Generator<number> {
    const { changes, duration } = this.#options
    for (let second = 0; second < duration; second++) {
      for (const change of changes) if (Math.floor(change.at) === second) this.#change(change, second)
      if (this.#switchAt !== undefined && this.#switchAt <= second) this.#switch(second)
      this.#loads.tell()
      for (const { client, at } of this.#calendar.take(second)) this.#event(client, at)
      if (second % 60 !== 59) continue
      this.#mostExceptions = Math.max(this.#mostExceptions, this.#count(second, true))
      yield second + 1
    }
  }

  /** Of what was simulated up to now. */
  findings(): ClusterFindings {
    const { writes, deletes, refreshes, peak } = this.#store
    const { balancers, duration } = this.#options
    const exceptions = this.#count(duration, true)
    return {
      sessions: this.#sessions,
      returns: this.#returns,
      broken: this.#broken,
      exceptions,
      mostExceptions: Math.max(exceptions, this.#mostExceptions),
      pins: this.#count(duration, false),
      writes,
      deletes,
      refreshes,
      peakOperations: peak,
      deliveries: (writes + deletes) * (balancers - 1),
      fullest: this.#loads.fullest(),
    }
  }

  /** Pins that hold: all, or those in the store. */
  #count(now: number, isStored: boolean): number {
    let count = 0
    for (let client = 0; client < this.#pin.length; client++)
      if (this.#holds(client, now) && (!isStored || this.#store.backendOf(client) >= 0)) count++
    return count
  }

  #holds(client: number, now: number): boolean {
    return (this.#pin[client] ?? -1) >= 0 && (this.#isLive[client] === 1 || (this.#until[client] ?? 0) >= now)
  }

  #event(client: number, at: number): void {
    const { session, pause, ttl } = this.#options
    if (this.#isLive[client] === 1) {
      this.#leave(client)
      this.#until[client] = at + ttl
      if (this.#store.backendOf(client) >= 0) this.#store.refresh(at)
      this.#calendar.put(client, at + waitOf(pause, this.#random))
      return
    }
    this.#come(client, at)
    this.#calendar.put(client, at + waitOf(session, this.#random))
  }

  #leave(client: number): void {
    this.#isLive[client] = 0
    this.#loads.add(this.#balancer[client] ?? NOBODY, this.#pin[client] ?? -1, -1)
  }

  #come(client: number, at: number): void {
    this.#renew(client)
    if (!this.#holds(client, at)) {
      this.#pin[client] = -1
      this.#store.expire(client)
    }
    const balancer = this.#arriveAt(client)
    const pin = this.#pin[client] ?? -1
    const chosen = this.#choose(client, balancer, at)
    if (chosen < 0) return
    if (pin >= 0 && this.#roster.canServe(pin)) {
      this.#returns++
      if (chosen !== pin) this.#broken++
    }
    this.#sessions++
    this.#pin[client] = chosen
    this.#balancer[client] = balancer
    this.#isLive[client] = 1
    this.#loads.add(balancer, chosen, 1)
    if (this.#options.isShared) this.#share(client, chosen, at)
  }

  /** Somebody new, perhaps, in the place of one who does not come again. */
  #renew(client: number): void {
    const { churn, clients, session, pause } = this.#options
    if (this.#random() >= 1 - Math.exp((-churn * (session + pause)) / SECONDS_PER_HOUR)) return
    const key = (this.#key[client] ?? 0) + clients
    this.#key[client] = key
    this.#home[client] = this.#roster.homeOf(key)
    this.#pin[client] = -1
    this.#store.expire(client)
  }

  #arriveAt(client: number): number {
    const before = this.#balancer[client] ?? NOBODY
    const isElsewhere = before === NOBODY || this.#random() < this.#options.wander
    return isElsewhere ? (this.#alive[Math.floor(this.#random() * this.#alive.length)] ?? 0) : before
  }

  #choose(client: number, balancer: number, at: number): number {
    const known = this.#knownAt(client, balancer, at)
    if (known >= 0 && this.#roster.canServe(known)) return known
    const key = this.#key[client] ?? 0
    return this.#loads.choose(balancer, () => this.#roster.orderOf(key), this.#home[client] ?? -1)
  }

  /** The pin that a balancer knows of; -1: none. */
  #knownAt(client: number, balancer: number, at: number): number {
    if (this.#balancer[client] === balancer) return this.#pin[client] ?? -1
    const isThere = this.#store.since(client) + this.#options.lag <= at
    return isThere ? this.#store.backendOf(client) : -1
  }

  #share(client: number, backend: number, at: number): void {
    const stored = this.#store.backendOf(client)
    if (backend === this.#home[client]) {
      if (stored >= 0) this.#store.delete(client, at)
    } else if (stored !== backend) this.#store.write(client, backend, at)
  }

  #change({ what }: ClusterChange, at: number): void {
    if (what === 'kill') this.#kill()
    else if (what === 'down') this.#setUp(false)
    else if (what === 'up') this.#setUp(true)
    else {
      if (this.#switchAt !== undefined) this.#switch(at)
      this.#roster.announce(what)
      this.#switchAt = at + (this.#options.isShared ? this.#publish(at) : 0)
    }
  }

  /** The balancer that came last dies. */
  #kill(): void {
    const dead = this.#alive.length > 1 ? this.#alive.pop() : undefined
    if (dead === undefined) return
    for (let client = 0; client < this.#pin.length; client++) {
      if (this.#balancer[client] !== dead) continue
      if (this.#isLive[client] === 1) this.#cut(client)
      this.#balancer[client] = NOBODY
    }
  }

  /** The oldest backend. Its clients come back at the times at which their sessions would have ended. */
  #setUp(isUp: boolean): void {
    const [backend] = this.#roster.members
    if (backend === undefined) return
    this.#roster.isUp[backend] = isUp
    if (isUp) return
    for (let client = 0; client < this.#pin.length; client++)
      if (this.#isLive[client] === 1 && this.#pin[client] === backend) this.#cut(client)
  }

  #cut(client: number): void {
    this.#leave(client)
    this.#until[client] = Number.POSITIVE_INFINITY
  }

  /** What will be no home any more, as fast as balancers may; gives the seconds until the change can be made. */
  #publish(at: number): number {
    const { balancers, pace, lag } = this.#options
    const published = new Uint32Array(balancers)
    for (let client = 0; client < this.#pin.length; client++) {
      const pin = this.#pin[client] ?? -1
      const balancer = this.#balancer[client] ?? NOBODY
      if (balancer === NOBODY || this.#store.backendOf(client) >= 0 || !this.#holds(client, at)) continue
      if (!this.#roster.staysMember(pin) || this.#roster.nextHomeOf(this.#key[client] ?? 0) === pin) continue
      const before = published[balancer] ?? 0
      published[balancer] = before + 1
      this.#store.write(client, pin, at + before / pace)
    }
    return Math.min(Math.ceil(Math.max(...published) / pace + lag), SWITCH_SECONDS)
  }

  #switch(at: number): void {
    this.#switchAt = undefined
    this.#roster.switch()
    for (let client = 0; client < this.#pin.length; client++) {
      const home = this.#roster.homeOf(this.#key[client] ?? 0)
      this.#home[client] = home
      const stored = this.#store.backendOf(client)
      if (stored >= 0 && stored === home && this.#holds(client, at)) this.#store.delete(client, at)
    }
  }
}
