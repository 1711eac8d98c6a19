import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Balancer } from '../balancer.ts'
import type { BalancerEvents } from '../balancer-types.ts'
import { AdminError } from './errors.ts'
import { EventRing } from './event-ring.ts'
import { LIMITS, TIMES } from './limits.ts'
import { eventText } from './server-sent.ts'
import { Subscriber } from './subscriber.ts'

/** Events of the balancer that subscribers are told. */
export const EVENTS = [
  'backendAdded',
  'backendRemoved',
  'backendUpdated',
  'backendUp',
  'backendDown',
  'backendEjected',
  'backendReadmitted',
  'closingStarted',
  'closingEnded',
  'rebalanceStarted',
  'rebalanceEnded',
  'backendAgent',
  'clientsMoved',
  'reloaded',
] as const satisfies readonly (keyof BalancerEvents)[]

/**
 * Tells subscribers what changes, as server-sent events. An event is made once, whoever many there are; who does not read
 * is cut, and never waited for; who comes back goes on where it was.
 */
export class EventFeed {
  readonly #balancer: Balancer
  readonly #subscribers = new Set<Subscriber>()
  readonly #handlers: readonly [(typeof EVENTS)[number], (data: object) => void][]
  readonly #ring = new EventRing(LIMITS.events)
  /** Ids begin with this: numbers of another process are of other events. */
  readonly #run = randomBytes(4).toString('hex')
  #comments: NodeJS.Timeout | undefined

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
   * @param lastId - of the last event that the reader got on another stream; empty: it wants only what comes now
   * @throws {@link AdminError} 503: there are too many
   */
  subscribe(answer: ServerResponse, lastId = ''): void {
    if (this.#subscribers.size >= LIMITS.subscribers)
      throw new AdminError(503, 'LIMPET_ERR_ADMIN_BUSY', `there are ${LIMITS.subscribers} event streams already`)
    answer.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
    const next = this.#after(lastId)
    const begin = next ?? this.#ring.last + 1
    const { generation } = this.#balancer
    answer.write(this.#text('hello', begin - 1, { generation, missed: next === undefined }))
    const subscriber = new Subscriber(answer, this.#ring, begin)
    this.#subscribers.add(subscriber)
    answer.once('close', () => this.#left(subscriber))
    this.#comments ??= setInterval(() => this.#each(one => one.comment()), TIMES.comment).unref()
    subscriber.send()
  }

  /** Ends every stream. */
  close(): void {
    for (const [name, handler] of this.#handlers) this.#balancer.off(name, handler)
    this.#each(subscriber => subscriber.end())
    clearInterval(this.#comments)
  }

  /** Number of the event after this one; undefined: some since then are lost, or it is of another process. */
  #after(lastId: string): number | undefined {
    const { first, last } = this.#ring
    if (lastId === '') return last + 1
    const [, run, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(lastId) ?? []
    const next = Number(number) + 1
    return run === this.#run && next >= first && next <= last + 1 ? next : undefined
  }

  #tellAll(name: string, data: object): void {
    this.#ring.add(this.#text(name, this.#ring.last + 1, data))
    this.#each(subscriber => subscriber.send())
  }

  #text(event: string, number: number, data: object): string {
    return eventText(event, `${this.#run}-${number}`, data)
  }

  #each(tell: (subscriber: Subscriber) => void): void {
    for (const subscriber of this.#subscribers) tell(subscriber)
  }

  #left(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber)
    if (this.#subscribers.size > 0) return
    clearInterval(this.#comments)
    this.#comments = undefined
  }
}
