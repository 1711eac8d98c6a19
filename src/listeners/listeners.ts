import type { AddressInfo } from 'node:net'
import type { OpenSocket } from '../acceptor/open-socket.ts'
import type { ResolvedListener } from '../config/resolved.ts'
import type { BoundListener } from '../loop-check.ts'
import type { PoolCore } from '../pool/core.ts'
import { TlsWatch, type Watched } from '../tls/watch.ts'
import {
  commitChange,
  type ListenerChange,
  type NextListeners,
  prepareChange,
  tellEnded,
  withdrawChange,
} from './change.ts'
import { destinationsOf } from './destinations.ts'
import {
  boundOf,
  type ListenerParts,
  makeListener,
  makeReady,
  type OpenListener,
  tellListening,
} from './open-listener.ts'

const NEVER = new AbortController().signal

/** The listeners of a service. */
export class Listeners {
  readonly #parts: ListenerParts
  #open: ReadonlyMap<string, OpenListener> = new Map()
  readonly #watch: TlsWatch
  /** Of those that a reload has ended, or put others in the place of. */
  #ending: Promise<unknown> = Promise.resolve()

  constructor(parts: ListenerParts) {
    this.#parts = parts
    this.#watch = new TlsWatch(() => this.#watched())
  }

  /** Before anything is bound. */
  make(settings: readonly ResolvedListener[], pools: ReadonlyMap<string, PoolCore>): void {
    this.#open = new Map(
      settings.map(listener => {
        const destinations = destinationsOf(listener, name => {
          const pool = pools.get(name)
          return pool && { pool, session: pool.settings }
        })
        return [listener.name, makeListener(this.#parts, listener, destinations)]
      }),
    )
  }

  async lookUp(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ acceptor }) => acceptor.lookUp()))
  }

  /** Binds all of them, or rejects with the error of the first that cannot be. */
  async bind(sockets: ReadonlyMap<string, OpenSocket>): Promise<void> {
    const listening = [...this.#open].map(([name, { acceptor }]) => acceptor.listen(sockets.get(name)))
    const results = await Promise.allSettled(listening)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  serve(): void {
    const { relays, log } = this.#parts
    for (const open of this.#open.values()) makeReady(open, relays)
    for (const { acceptor } of this.#open.values()) acceptor.accept()
    for (const open of this.#open.values()) tellListening(open, log)
    this.#watch.follow()
  }

  get(name: string): OpenListener | undefined {
    return this.#open.get(name)
  }

  address(name: string): AddressInfo | string | null {
    return this.#open.get(name)?.acceptor.address() ?? null
  }

  /** Listen sockets that are open, by listener. They stay its own. */
  sockets(): Map<string, OpenSocket> {
    const open = [...this.#open].filter(([, { acceptor }]) => acceptor.fd >= 0)
    return new Map(open.map(([name, { acceptor }]) => [name, { fd: acceptor.fd, isShared: acceptor.isShared }]))
  }

  /** The listeners whose listen sockets another process has been given: closing leaves who waits in the queue to that one. */
  passed(listeners: ReadonlySet<string>): void {
    for (const [name, { acceptor }] of this.#open) acceptor.isPassed = listeners.has(name)
  }

  bound(): BoundListener[] {
    return [...this.#open.values()].map(boundOf)
  }

  /**
   * Makes ready what other settings need: binds what is new, beside what there is.
   *
   * @throws as binding does; then nothing is left of it
   */
  async prepare(next: NextListeners): Promise<ListenerChange> {
    return await prepareChange(this.#parts, this.#open, next)
  }

  async withdraw(change: ListenerChange): Promise<void> {
    await withdrawChange(this.#parts, change)
  }

  /** From when it returns the change holds; resolves when those that are gone listen no more, and nobody is left in their queues. */
  commit(change: ListenerChange): Promise<void> {
    this.#open = change.next
    this.#watch.follow()
    const ending = commitChange(this.#parts, change, NEVER)
    this.#ending = Promise.all([this.#ending, ending])
    return ending.then(() => {
      const { log } = this.#parts
      for (const { listener } of change.made) tellListening(listener, log)
      for (const { settings } of change.ended) tellEnded(settings, log)
    })
  }

  /** Whose files of TLS may change. */
  *#watched(): Generator<Watched> {
    for (const { target } of this.#open.values()) {
      if (target.tls !== undefined) yield target.tls
    }
    yield* this.#parts.relays.poolTls.all()
  }

  async close(hurry: AbortSignal): Promise<void> {
    this.#watch.stop()
    const closing = [...this.#open.values()].map(({ acceptor }) => acceptor.close(hurry))
    await Promise.all([...closing, this.#ending])
  }
}
