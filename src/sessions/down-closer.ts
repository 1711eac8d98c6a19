import type { ResolvedOnDown } from '../config/resolved.ts'
import type { Closings } from './closings.ts'

/** Closes the sessions of backends that went down, for as long as they are; see `health.onDown`. */
export class DownCloser {
  readonly #closings: Closings
  /** By pool and backend. */
  readonly #running = new Map<string, AbortController>()

  constructor(closings: Closings) {
    this.#closings = closings
  }

  /** A backend is down. */
  down(pool: string, backend: string, { perSecond, deadline }: ResolvedOnDown): void {
    const key = keyOf(pool, backend)
    this.#running.get(key)?.abort()
    const stop = new AbortController()
    this.#running.set(key, stop)
    void this.#close(pool, backend, { perSecond, deadlineMs: deadline, signal: stop.signal }).finally(() => {
      if (this.#running.get(key) === stop) this.#running.delete(key)
    })
  }

  /** A backend is up again, gone, or in the hands of an operator: the sessions that are left live on. */
  leave(pool: string, backend: string): void {
    this.#running.get(keyOf(pool, backend))?.abort()
  }

  stop(): void {
    for (const stop of this.#running.values()) stop.abort()
  }

  async #close(
    pool: string,
    backend: string,
    pace: { perSecond: number; deadlineMs: number; signal: AbortSignal },
  ): Promise<void> {
    try {
      const { done } = await this.#closings.begin('down', { pool, backend }, pace)
      await done
    } catch (error) {
      // Closing has begun meanwhile, which ends every session in its own way.
      if (!pace.signal.aborted) throw error
    }
  }
}

function keyOf(pool: string, backend: string): string {
  return JSON.stringify([pool, backend])
}
