import type { Log } from '../log/log.ts'
import type { FailedSource } from './key-source.ts'

/** Of one source: clients come by the thousand a second. */
const EVERY_MS = 60_000

/** Of whose client. */
interface FailedFor {
  listener: string | undefined
  pool: string | undefined
}

/** Writes what goes wrong with functions for keys and for routes: of each the first, and then one a minute with how many there were. */
export class FailureLog {
  readonly #log: Log
  readonly #told = new WeakMap<FailedSource, { at: number; since: number }>()

  constructor(log: Log) {
    this.#log = log
  }

  /** `pool` undefined: none was chosen yet, and the function was to choose it. */
  tell(source: FailedSource, { listener, pool }: FailedFor, error: unknown): void {
    const now = performance.now()
    const told = this.#told.get(source)
    if (told !== undefined && now - told.at < EVERY_MS) {
      told.since++
      return
    }
    this.#told.set(source, { at: now, since: 0 })
    const facts = { source: source.name, unsaid: told?.since ?? 0, error: textOf(error) }
    if (pool === undefined)
      this.#log.warn({ listener, ...facts }, 'a function for routes failed; its client goes by the next entry')
    else
      this.#log.warn(
        { pool, ...facts },
        'a function for keys failed; its client goes by the next source, or by the fallback',
      )
  }
}

/** Whatever was thrown: an error that cannot be told must not become another one. */
function textOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  } catch {
    return 'what was thrown has no text'
  }
}
