import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'
import type { LiveSession, SessionFilter } from './info.ts'
import { closePaced } from './paced-close.ts'
import { RecentMoves } from './recent-moves.ts'

/** How far the clients of a pool are brought home, whose home is back. Plain data, fit for JSON. */
export interface RebalanceInfo {
  /** Name of the pool. */
  pool: string
  /** Names of the backends that are back, or new. */
  backends: string[]
  /** `stopped`: no such backend takes new clients any more, or the balancer is closed. */
  state: 'running' | 'done' | 'stopped'
  /** When it began, in milliseconds since the epoch. */
  since: number
  /** Clients that were off home when it began. */
  total: number
  /** Of these, those that were brought home. */
  moved: number
  /** Of these, those that still are off home, as far as it is known. */
  left: number
  /** How long the rest will take if nothing has to wait, in milliseconds. */
  remainingMs: number
}

/** What it needs of its balancer. */
export interface RebalanceContext {
  find: (filter: SessionFilter) => AsyncGenerator<LiveSession>
  isListening: () => boolean
  tell: (event: 'rebalanceStarted' | 'rebalanceEnded', run: RebalanceInfo) => void
  log: Log
  /** Aborted when the balancer closes. */
  over: AbortSignal
}

/** For a pool, whenever it wants it. */
export function watchReturns(core: PoolCore, context: RebalanceContext): void {
  const rebalancer = new Rebalancer(core, context)
  core.onServed = (name, isReady) => rebalancer.served(name, isReady)
}

/** Sessions of one client that are off home. */
interface Guest {
  readonly key: string
  readonly address: string
  /** Name of its home. */
  readonly home: string
  readonly sessions: LiveSession[]
}

/** What is moved between two looks at the sessions, at most: who is idle changes. */
const ROUND_S = 20
const SHORTEST_LOOK_MS = 250
const LONGEST_LOOK_MS = 30_000
const MINUTE_S = 60

/** Brings the clients of one pool home after their home came back: `rebalance`. */
class Rebalancer {
  readonly #core: PoolCore
  readonly #context: RebalanceContext
  readonly #moves: RecentMoves
  readonly #homes = new Set<string>()
  #stop: AbortController | undefined

  constructor(core: PoolCore, context: RebalanceContext) {
    this.#core = core
    this.#context = context
    this.#moves = new RecentMoves(() => core.settings.rebalance.minAge)
  }

  /** A backend takes new clients now, or not any more. */
  served(name: string, isReady: boolean): void {
    // Who serves from the start has nobody elsewhere.
    if (!this.#context.isListening()) return
    const wasHome = this.#homes.delete(name)
    if (isReady) this.#homes.add(name)
    else if (!wasHome) return
    this.#stop?.abort()
    this.#stop = undefined
    if (this.#homes.size === 0) return
    const stop = new AbortController()
    this.#stop = stop
    // What else changes in this turn belongs to it.
    setImmediate(() => void this.#run(AbortSignal.any([stop.signal, this.#context.over])))
  }

  async #run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const since = Date.now()
    if (this.#core.settings.rebalance.perMinute === 0) {
      this.#homes.clear()
      return
    }
    try {
      const guests = await this.#guests(since)
      if (guests.length === 0 || signal.aborted) return
      await this.#bringHome(this.#begin(guests.length, since), signal)
    } catch (error) {
      // Closing has begun meanwhile, which ends every session in its own way.
      if (!signal.aborted) throw error
    } finally {
      if (!signal.aborted) this.#homes.clear()
    }
  }

  #begin(total: number, since: number): RebalanceInfo {
    const run: RebalanceInfo = {
      pool: this.#core.name,
      backends: [...this.#homes],
      state: 'running',
      since,
      total,
      moved: 0,
      left: total,
      remainingMs: this.#msFor(total, total),
    }
    this.#core.rebalance = run
    this.#context.log.info({ pool: run.pool, backends: run.backends, clients: total }, 'clients are brought home')
    this.#tell('rebalanceStarted', run)
    return run
  }

  async #bringHome(run: RebalanceInfo, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // They may change while it runs.
      const { minAge, perMinute } = this.#core.settings.rebalance
      if (perMinute === 0) break
      const perSecond = 1000 / this.#msFor(run.total, 1)
      const lookMs = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, minAge / 4))
      const guests = await this.#guests(run.since)
      // Whose home is away again is nobody's guest, and was not brought home.
      if (signal.aborted) break
      run.left = guests.length
      run.remainingMs = this.#msFor(run.total, run.left)
      if (run.left === 0) break
      const due = guests.filter(guest => this.#isDue(guest, minAge)).sort((left, right) => idleOf(right) - idleOf(left))
      const round = due.slice(0, Math.max(1, Math.ceil(perSecond * ROUND_S)))
      await closePaced(
        round.map(guest => ({
          info: { ...infoOf(guest), idleMs: idleOf(guest) },
          close: () => this.#move(guest, run),
        })),
        { perSecond, deadlineMs: Number.POSITIVE_INFINITY, signal },
      )
      // An abort only ends the waiting.
      if (!signal.aborted)
        await sleep(lookMs * (0.5 + Math.random()), undefined, { signal, ref: false }).catch(() => undefined)
    }
    run.state = run.left === 0 ? 'done' : 'stopped'
    run.remainingMs = 0
    const { pool, backends, moved, left } = run
    this.#context.log.info({ pool, backends, moved, left }, 'clients were brought home')
    this.#tell('rebalanceEnded', run)
  }

  /** Clients whose home is back, with sessions elsewhere that began before that. */
  async #guests(since: number): Promise<Guest[]> {
    const guests = new Map<string, Guest>()
    for await (const session of this.#context.find({ pool: this.#core.name })) {
      const { clientAddress, backend, since: began } = session.info
      if (clientAddress === undefined || backend === undefined || began > since) continue
      const place = this.#core.clientPlace(clientAddress)
      if (place?.home === undefined || place.home === backend || !this.#homes.has(place.home)) continue
      const known = guests.get(place.key)
      if (known !== undefined) known.sessions.push(session)
      else guests.set(place.key, { key: place.key, address: clientAddress, home: place.home, sessions: [session] })
    }
    return [...guests.values()]
  }

  #isDue({ key, sessions }: Guest, minAge: number): boolean {
    const youngest = Math.max(...sessions.map(({ info }) => info.since))
    return Date.now() - youngest >= minAge && !this.#moves.hasMoved(key)
  }

  /** Only if home still is its home, and has room beside those that are on their way there. */
  #move({ key, address, home, sessions }: Guest, run: RebalanceInfo): void {
    if (!this.#homes.has(home)) return
    const place = this.#core.clientPlace(address, this.#moves.comingTo(home))
    if (place?.home !== home || !place.hasRoom) return
    this.#core.pinHome(address, home)
    this.#moves.add(key, home)
    for (const session of sessions) session.close()
    run.moved++
    run.left--
    run.remainingMs = this.#msFor(run.total, run.left)
    this.#core.broughtHome++
  }

  /** How long so many clients take, of this many in all. */
  #msFor(total: number, clients: number): number {
    const perMinute = (total * this.#core.settings.rebalance.perMinute) / 100
    return Math.round((clients / perMinute) * MINUTE_S * 1000)
  }

  /** Later: a handler that throws must not end the run. */
  #tell(event: 'rebalanceStarted' | 'rebalanceEnded', run: RebalanceInfo): void {
    const told = { ...run }
    setImmediate(() => this.#context.tell(event, told))
  }
}

function infoOf({ sessions }: Guest): LiveSession['info'] {
  const [first] = sessions
  if (first === undefined) throw new RangeError('a guest without a session')
  return first.info
}

/** For how long none of its sessions had a byte. */
function idleOf({ sessions }: Guest): number {
  return Math.min(...sessions.map(({ info }) => info.idleMs))
}
