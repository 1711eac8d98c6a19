import type { ServerResponse } from 'node:http'
import type { SessionClosed, SessionFeed } from '../relay/session-feed.ts'
import { matchesFilter, type SessionFilter } from '../sessions/info.ts'
import { AdminError } from './errors.ts'
import { LIMITS, TIMES } from './limits.ts'
import { eventText } from './server-sent.ts'

/** Which sessions a reader wants to be told of. */
export interface SessionChoice extends SessionFilter {
  /** Of those, so many, chosen at random; 1: all. */
  share: number
}

/**
 * Tells readers which sessions have ended, as server-sent events. Nobody waits for a reader: what it does not read in time is
 * left out, and it is told how much that was.
 */
export class SessionStream {
  readonly #sessions: SessionFeed
  readonly #readers = new Set<Reader>()
  #comments: NodeJS.Timeout | undefined
  /** Threads write records only while somebody wants them. */
  #unfollow: (() => void) | undefined

  constructor(sessions: SessionFeed) {
    this.#sessions = sessions
  }

  /**
   * From now on the answer is an event stream.
   *
   * @throws {@link AdminError} 503: there are too many
   */
  subscribe(answer: ServerResponse, choice: SessionChoice): void {
    if (this.#readers.size >= LIMITS.logReaders)
      throw new AdminError(503, 'LIMPET_ERR_ADMIN_BUSY', `there are ${LIMITS.logReaders} readers of sessions already`)
    answer.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
    const reader = new Reader(answer, choice)
    this.#readers.add(reader)
    answer.once('close', () => this.#left(reader))
    this.#comments ??= setInterval(() => this.#comment(), TIMES.comment).unref()
    this.#unfollow ??= this.#sessions.follow(session => this.#tell(session))
    answer.write(eventText('hello', 0, {}))
  }

  /** Ends every stream. */
  close(): void {
    for (const reader of this.#readers) reader.end()
    this.#rest()
  }

  #tell(session: SessionClosed): void {
    for (const reader of this.#readers) reader.tell(session)
  }

  #comment(): void {
    for (const reader of this.#readers) reader.comment()
  }

  #left(reader: Reader): void {
    this.#readers.delete(reader)
    if (this.#readers.size === 0) this.#rest()
  }

  #rest(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    clearInterval(this.#comments)
    this.#comments = undefined
  }
}

class Reader {
  readonly #answer: ServerResponse
  readonly #choice: SessionChoice
  #told = 0
  #leftOut = 0

  constructor(answer: ServerResponse, choice: SessionChoice) {
    this.#answer = answer
    this.#choice = choice
  }

  tell(session: SessionClosed): void {
    const { share } = this.#choice
    if (!matchesFilter(session, this.#choice) || (share < 1 && Math.random() >= share)) return
    if (this.#answer.writableLength > LIMITS.eventBacklog) {
      this.#leftOut++
      return
    }
    this.#tellLeftOut()
    this.#answer.write(eventText('session', ++this.#told, session))
  }

  comment(): void {
    if (this.#answer.writableLength > LIMITS.eventBacklog) return
    this.#tellLeftOut()
    this.#answer.write(':\n\n')
  }

  end(): void {
    this.#answer.end()
  }

  #tellLeftOut(): void {
    if (this.#leftOut === 0) return
    this.#answer.write(eventText('leftOut', this.#told, { sessions: this.#leftOut }))
    this.#leftOut = 0
  }
}
