import { given } from '../config/given.ts'
import type { Log } from '../log/log.ts'
import type { LiveSession, SessionFilter } from './info.ts'
import { closePaced, type PaceOptions, type PaceProgress } from './paced-close.ts'

/** Why sessions are closed. `asked`: an operator or a program wants it; `down`: their backend is down (`health.onDown`). */
export type ClosingCause = 'asked' | 'down'

/** A closing of sessions at a pace, and how far it is. Plain data, fit for JSON. */
export interface ClosingInfo extends SessionFilter, PaceProgress {
  /** Of this process. */
  id: string
  cause: ClosingCause
  /** `stopped`: before all were closed; the others live on. */
  state: 'running' | 'done' | 'stopped'
  /** When it began, in milliseconds since the epoch. */
  since: number
}

/** What the closings need of their balancer. */
export interface ClosingContext {
  find: (filter: SessionFilter) => AsyncGenerator<LiveSession>
  tell: (event: 'closingStarted' | 'closingEnded', closing: ClosingInfo) => void
  log: Log
  /** Aborted when the balancer is closed. */
  over: AbortSignal
}

interface Closing {
  info: ClosingInfo
  readonly stop: AbortController
}

/** Of those that are over, so many are told. */
const KEPT = 20

/** The closings of sessions at a pace, whoever wants them; get it from {@link Balancer.closings}. */
export class Closings {
  readonly #context: ClosingContext
  readonly #all = new Map<string, Closing>()
  #last = 0

  /** @internal */
  constructor(context: ClosingContext) {
    this.#context = context
  }

  /** Those that run, and the last 20 that are over; the oldest first. */
  list(): ClosingInfo[] {
    return [...this.#all.values()].map(({ info }) => ({ ...info }))
  }

  /** One of these; undefined: there is none of this id. */
  get(id: string): ClosingInfo | undefined {
    const info = this.#all.get(id)?.info
    return info && { ...info }
  }

  /** Ends one, if it runs: what is left lives on. Undefined: there is none of this id. */
  stop(id: string): ClosingInfo | undefined {
    const closing = this.#all.get(id)
    if (closing === undefined) return undefined
    if (closing.info.state === 'running') this.#end(closing)
    closing.stop.abort()
    return { ...closing.info }
  }

  /** @internal Begins one of the sessions that live now; `done` gives how many were closed. */
  async begin(
    cause: ClosingCause,
    filter: SessionFilter,
    { signal, onProgress, ...pace }: PaceOptions,
  ): Promise<{ info: ClosingInfo; done: Promise<number> }> {
    const { find, over } = this.#context
    const sessions: LiveSession[] = []
    for await (const session of find(filter)) sessions.push(session)
    const { pool, backend, listener } = filter
    const stop = new AbortController()
    const progress = { total: sessions.length, closed: 0, remainingMs: 0 }
    const id = String(++this.#last)
    // Of a backend that goes down with no sessions there is nothing to tell.
    const isNews = sessions.length > 0 || cause === 'asked'
    const closing: Closing = {
      info: { id, cause, ...given({ pool, backend, listener }), state: 'running', since: Date.now(), ...progress },
      stop,
    }
    if (isNews) this.#add(closing)
    const done = closePaced(sessions, {
      ...pace,
      signal: AbortSignal.any([over, stop.signal, ...(signal === undefined ? [] : [signal])]),
      onProgress: progress => {
        Object.assign(closing.info, progress)
        onProgress?.(progress)
      },
    }).finally(() => isNews && this.#end(closing))
    return { info: { ...closing.info }, done }
  }

  #add(closing: Closing): void {
    const { id, state: _, since: __, ...facts } = closing.info
    this.#all.set(id, closing)
    const over = [...this.#all.values()].filter(({ info }) => info.state !== 'running')
    for (const { info } of over.slice(0, Math.max(0, over.length - KEPT))) this.#all.delete(info.id)
    this.#context.log[facts.cause === 'down' ? 'warn' : 'info']({ id, ...facts }, 'sessions are closed')
    this.#tell('closingStarted', closing)
  }

  #end(closing: Closing): void {
    if (closing.info.state !== 'running') return
    const { id, total, closed } = closing.info
    closing.info = { ...closing.info, state: closed === total ? 'done' : 'stopped', remainingMs: 0 }
    this.#context.log.info({ id, closed, left: total - closed }, 'sessions were closed')
    this.#tell('closingEnded', closing)
  }

  /** Later: a handler that throws must not end the closing. */
  #tell(event: 'closingStarted' | 'closingEnded', { info }: Closing): void {
    const told = { ...info }
    setImmediate(() => this.#context.tell(event, told))
  }
}
