import type { ResolvedOnDown } from '../config/resolved.ts'
import type { Log } from '../log/log.ts'
import type { LiveSession, SessionFilter } from './info.ts'
import { closePaced } from './paced-close.ts'

/** Closes the sessions of backends that went down, for as long as they are; see `health.onDown`. */
export class DownCloser {
  readonly #find: (filter: SessionFilter) => AsyncGenerator<LiveSession>
  readonly #log: Log
  /** By pool and backend. */
  readonly #running = new Map<string, AbortController>()

  constructor(find: (filter: SessionFilter) => AsyncGenerator<LiveSession>, log: Log) {
    this.#find = find
    this.#log = log
  }

  /** A backend is down. */
  down(pool: string, backend: string, { perSecond, deadline }: ResolvedOnDown): void {
    const key = keyOf(pool, backend)
    this.#running.get(key)?.abort()
    const stop = new AbortController()
    this.#running.set(key, stop)
    void this.#close({ pool, backend }, { perSecond, deadlineMs: deadline, signal: stop.signal }).finally(() => {
      if (this.#running.get(key) === stop) this.#running.delete(key)
    })
  }

  /** A backend is up again, or gone: the sessions that are left live on. */
  up(pool: string, backend: string): void {
    this.#running.get(keyOf(pool, backend))?.abort()
  }

  stop(): void {
    for (const stop of this.#running.values()) stop.abort()
  }

  async #close(
    filter: SessionFilter,
    pace: { perSecond: number; deadlineMs: number; signal: AbortSignal },
  ): Promise<void> {
    try {
      const sessions: LiveSession[] = []
      for await (const session of this.#find(filter)) sessions.push(session)
      if (sessions.length === 0 || pace.signal.aborted) return
      const facts = { ...filter, sessions: sessions.length, perSecond: pace.perSecond }
      this.#log.warn(facts, 'sessions of a backend that is down are closed')
      const closed = await closePaced(sessions, pace)
      this.#log.info(
        { ...filter, closed, left: sessions.length - closed },
        'sessions of a backend that is down were closed',
      )
    } catch (error) {
      // Closing has begun meanwhile, which ends every session in its own way.
      if (!pace.signal.aborted) throw error
    }
  }
}

function keyOf(pool: string, backend: string): string {
  return JSON.stringify([pool, backend])
}
