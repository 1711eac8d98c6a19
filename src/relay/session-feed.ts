import { channel } from 'node:diagnostics_channel'
import type { Reason, SessionCounter } from '../native.ts'
import { watchSubscribers } from './channel-watch.ts'

/** What `limpet:session:open` tells: a client was joined to a backend. Plain data, fit for JSON. */
export interface SessionOpened {
  /** Differs from that of every other session of the balancer. */
  id: string
  /** When it happened, in milliseconds since the epoch. */
  time: number
  /** Which relay carries the bytes. */
  relay: 'native' | 'stream'
  /** Name of the listener; undefined: the socket came through `handle()` with a pool. */
  listener: string | undefined
  /** Name of the pool; empty: none of the listener's routes is chosen yet, or holds. */
  pool: string
  /** The client's IP address; undefined: it has none (unix socket). */
  clientAddress: string | undefined
  /** The client's port; undefined: it has none (unix socket). */
  clientPort: number | undefined
  /** Name of the backend; undefined: none was found. */
  backend: string | undefined
  /** Why that backend; undefined: none was found. */
  reason: Reason | undefined
  /** How long the connect to that backend took, in milliseconds; 0: there was none. */
  connectMs: number
}

/**
 * What `limpet:session:close` tells: a client has left, or found no backend. Every client that a relay took ends in
 * exactly one; those past `maxSessions` or the descriptors' budget are only counted.
 */
export interface SessionClosed extends SessionOpened {
  /** How it ended: the name of the session counter, `end…` or `refused…`. */
  cause: SessionCounter
  /** Bytes that went from the client to the backend. */
  bytesToBackend: number
  /** Bytes that went from the backend to the client. */
  bytesToClient: number
  /** From accept to the end, in milliseconds. */
  durationMs: number
}

// Held here: a channel that nobody holds is collected, and its subscribers with it.
const opened = channel('limpet:session:open')
const closed = channel('limpet:session:close')

/** Told when there may be subscribers where there were none, or none any more. */
const watchers = new Set<() => void>()
for (const watched of [opened, closed]) {
  watchSubscribers(watched, () => {
    tellWatchers()
  })
}

function tellWatchers(): void {
  for (const tell of watchers) tell()
}

/** Tells the diagnostics channels, those who follow, and the session log if it is on, about sessions. */
export class SessionFeed {
  #log: ((session: SessionClosed) => void) | undefined
  readonly #followers = new Set<(session: SessionClosed) => void>()

  /** `log`: writes the session log; undefined: it is off. */
  constructor(log: ((session: SessionClosed) => void) | undefined) {
    this.#log = log
  }

  /** As the constructor has it. */
  setLog(log: ((session: SessionClosed) => void) | undefined): void {
    this.#log = log
    tellWatchers()
  }

  /** Whether anybody wants to know; asked for every client. */
  get wanted(): boolean {
    return this.#log !== undefined || this.#followers.size > 0 || opened.hasSubscribers || closed.hasSubscribers
  }

  /** Calls `changed` whenever {@link SessionFeed.wanted} may have changed, until the function that it returns is called. */
  watch(changed: () => void): () => void {
    // A function of its own: two feeds may give the same one.
    const tell = (): void => changed()
    watchers.add(tell)
    return () => watchers.delete(tell)
  }

  /** Calls `tell` for every session that ends, until the function that it returns is called. */
  follow(tell: (session: SessionClosed) => void): () => void {
    this.#followers.add(tell)
    tellWatchers()
    return () => {
      this.#followers.delete(tell)
      tellWatchers()
    }
  }

  opened(session: SessionOpened): void {
    opened.publish(session)
  }

  closed(session: SessionClosed): void {
    this.#log?.(session)
    for (const tell of this.#followers) tell(session)
    closed.publish(session)
  }
}
