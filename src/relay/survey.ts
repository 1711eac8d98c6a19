import { setTimeout as sleep } from 'node:timers/promises'
import { type NativeRelay, SIGHT_BYTES, SIGHTS_AT_ONCE, SURVEY_END } from '../native.ts'
import { decodeRecord, type SessionRecord } from './record.ts'

/** A live session of the native relay. */
export interface SessionSight {
  record: SessionRecord
  idleMs: number
  /** The thread that has it, and its place there. */
  thread: number
  place: number
}

/** Ids of the relay; -1: any. */
export interface SurveyOf {
  poolId: number
  listenerId: number
}

/** A thread answers when it is through with what woke it; looking sooner would only keep the event loop busy. */
const POLL_MS = 1
const PLACE = 80
const IDLE = 88

/** Looks at the live sessions of the native relay, thread by thread and some hundred at a time. One look at a time. */
export class Surveyor {
  readonly #relay: NativeRelay
  readonly #sights = Buffer.alloc(SIGHTS_AT_ONCE * SIGHT_BYTES)
  readonly #next = new Uint32Array(1)
  #turn: Promise<unknown> = Promise.resolve()

  constructor(relay: NativeRelay) {
    this.#relay = relay
  }

  /** Those that live all the while are seen; those that come or go meanwhile may be. */
  async *look(of: SurveyOf): AsyncGenerator<SessionSight[]> {
    for (let thread = 0; thread < this.#relay.threads; thread++) {
      for (let from = 0; from !== SURVEY_END; ) {
        const page = await this.#page(thread, from, of)
        from = page.next
        if (page.sights.length > 0) yield page.sights
      }
    }
  }

  close({ thread, place, record }: SessionSight): void {
    this.#relay.closeSession(thread, place, Number(record.sessionId))
  }

  async #page(thread: number, from: number, of: SurveyOf): Promise<{ sights: SessionSight[]; next: number }> {
    const page = this.#turn.then(() => this.#ask(thread, from, of))
    // Whoever asked is told what went wrong.
    this.#turn = page.catch(() => undefined)
    return await page
  }

  async #ask(thread: number, from: number, of: SurveyOf): Promise<{ sights: SessionSight[]; next: number }> {
    const { poolId, listenerId } = of
    // False: it has stopped.
    if (!this.#relay.survey(thread, from, SIGHTS_AT_ONCE, poolId, listenerId)) {
      return { sights: [], next: SURVEY_END }
    }
    let count = this.#relay.surveyed(this.#sights, this.#next)
    while (count < 0) {
      await sleep(POLL_MS)
      count = this.#relay.surveyed(this.#sights, this.#next)
    }
    const sights = Array.from({ length: count }, (_, at) => this.#sight(thread, at * SIGHT_BYTES))
    return { sights, next: this.#next[0] ?? SURVEY_END }
  }

  #sight(thread: number, offset: number): SessionSight {
    return {
      record: decodeRecord(this.#sights, offset),
      place: this.#sights.readUInt32LE(offset + PLACE),
      idleMs: Number(this.#sights.readBigUInt64LE(offset + IDLE)),
      thread,
    }
  }
}
