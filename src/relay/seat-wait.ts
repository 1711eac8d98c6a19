import type { Socket } from 'node:net'
import { type SessionCounter, WaitEnd } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import { waitingSeatOf } from '../pool/packed.ts'

/** Why a session that waited for a seat does so no longer; any other cause cuts it. */
const WAIT_ENDS = new Map<SessionCounter, number>([
  ['refusedQueueTimeout', WaitEnd.timeout],
  ['endClientGone', WaitEnd.gone],
])
/**
 * Between two connects of one who waits. The seat that a failed one gave back is free, so that it would be its turn at once, as
 * often as it may try: a server that is gone would empty the queue in a moment. As in native/relay/worker_wait.cc.
 */
const TURN_PAUSE_MS = 250

/** Who waits, for what, and since when. */
export interface SeatWaiter {
  readonly client: Socket
  readonly pool: PoolCore
  /** The handle of its place in the queue. */
  readonly seat: number
  /** At most, as `performance.now()` has it. */
  readonly until: number
  /** When it last tried to connect; 0: never. */
  readonly connectAt: number
}

export interface SeatWaitEvents {
  /** Its turn has come, and this is what was picked; it waits no longer. */
  turn(packed: number): void
  /** It is to wait no longer: {@link SeatWait.end} follows. */
  over(cause: 'refusedQueueTimeout' | 'endClientGone'): void
}

/** The wait of one client of the stream relay in the queue of its pool: as native/relay/worker_wait.cc. */
export class SeatWait {
  readonly #waiter: SeatWaiter
  readonly #events: SeatWaitEvents
  #timer: NodeJS.Timeout | undefined
  /** Of a turn that is put off. */
  #turnTimer: NodeJS.Timeout | undefined

  constructor(waiter: SeatWaiter, events: SeatWaitEvents) {
    this.#waiter = waiter
    this.#events = events
  }

  start(): void {
    const { client, pool, seat, until } = this.#waiter
    pool.turns.set(seat, () => this.#takeTurn())
    // `net` tells of the end only where no bytes are before it.
    client.on('end', this.#leave)
    if (client.readableEnded) this.#leave()
    else {
      const late = (): void => this.#events.over('refusedQueueTimeout')
      this.#timer = setTimeout(late, Math.max(0, until - performance.now())).unref()
    }
  }

  /** The session ends: its place in the queue is given back. */
  end(cause: SessionCounter): void {
    const { pool, seat } = this.#waiter
    this.#stop()
    pool.native.stopWaiting(seat, WAIT_ENDS.get(cause) ?? WaitEnd.cut)
  }

  readonly #leave = (): void => this.#events.over('endClientGone')

  #takeTurn(): void {
    const { pool, seat, connectAt } = this.#waiter
    const earlyMs = connectAt === 0 ? 0 : connectAt + TURN_PAUSE_MS - performance.now()
    if (earlyMs > 0) {
      clearTimeout(this.#turnTimer)
      this.#turnTimer = setTimeout(() => this.#takeTurn(), Math.ceil(earlyMs)).unref()
      return
    }
    const packed = pool.native.takeTurn(seat)
    // Others took its seat.
    if (waitingSeatOf(packed) !== undefined) return
    this.#stop()
    this.#events.turn(packed)
  }

  #stop(): void {
    const { client, pool, seat } = this.#waiter
    clearTimeout(this.#turnTimer)
    clearTimeout(this.#timer)
    client.off('end', this.#leave)
    pool.turns.delete(seat)
  }
}
