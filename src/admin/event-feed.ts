import type { ServerResponse } from 'node:http'
import type { Balancer } from '../balancer.ts'
import type { BalancerEvents } from '../balancer-types.ts'
import { AdminError } from './errors.ts'
import { LIMITS, TIMES } from './limits.ts'
import { eventText } from './server-sent.ts'

/** Events of the balancer that subscribers are told. */
export const EVENTS = [
  'backendAdded',
  'backendRemoved',
  'backendUpdated',
  'backendUp',
  'backendDown',
  'reloaded',
] as const satisfies readonly (keyof BalancerEvents)[]

/**
 * Tells subscribers what changes, as server-sent events. An event is made once, whoever many there are; who does not read
 * is cut, and never waited for.
 */
export class EventFeed {
  readonly #balancer: Balancer
  readonly #subscribers = new Set<ServerResponse>()
  readonly #handlers: readonly [(typeof EVENTS)[number], (data: object) => void][]
  #comments: NodeJS.Timeout | undefined
  #id = 0

  constructor(balancer: Balancer) {
    this.#balancer = balancer
    this.#handlers = EVENTS.map(name => [name, data => this.#tellAll(name, data)])
    for (const [name, handler] of this.#handlers) balancer.on(name, handler)
  }

  /** Number of subscribers. */
  get size(): number {
    return this.#subscribers.size
  }

  /**
   * From now on the answer is an event stream.
   *
   * @throws {@link AdminError} 503: there are too many
   */
  subscribe(answer: ServerResponse): void {
    if (this.#subscribers.size >= LIMITS.subscribers)
      throw new AdminError(503, 'LIMPET_ERR_ADMIN_BUSY', `there are ${LIMITS.subscribers} event streams already`)
    answer.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
    this.#subscribers.add(answer)
    answer.once('close', () => this.#left(answer))
    this.#comments ??= setInterval(() => this.#write(':\n\n'), TIMES.comment).unref()
    const { generation } = this.#balancer
    answer.write(eventText('hello', this.#id, { generation }))
  }

  /** Ends every stream. */
  close(): void {
    for (const [name, handler] of this.#handlers) this.#balancer.off(name, handler)
    for (const answer of this.#subscribers) answer.end()
    clearInterval(this.#comments)
  }

  #tellAll(name: string, data: object): void {
    this.#id++
    if (this.#subscribers.size > 0) this.#write(eventText(name, this.#id, data))
  }

  #write(text: string): void {
    for (const answer of this.#subscribers) {
      answer.write(text)
      if (answer.writableLength > LIMITS.eventBacklog) answer.destroy()
    }
  }

  #left(answer: ServerResponse): void {
    this.#subscribers.delete(answer)
    if (this.#subscribers.size > 0) return
    clearInterval(this.#comments)
    this.#comments = undefined
  }
}
