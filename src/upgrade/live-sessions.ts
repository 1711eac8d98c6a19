import type { Socket } from 'node:net'
import type { HandOver, LiveSessions } from './hand-over.ts'
import { liveSchema, read } from './messages.ts'

/** How old what a successor knows of the sessions here may be. */
const TELL_MS = 250

/** How many sessions are on each backend, a line for each pool. */
export function liveLines(live: LiveSessions): string[] {
  return [...live].map(([pool, sessions]) => JSON.stringify({ live: pool, sessions: [...sessions] }))
}

/** Takes such a line; false: it is another one. */
export function takeLive(handOver: HandOver, line: string): boolean {
  const found = read(liveSchema, line)
  if (found === undefined) return false
  handOver.inherit(new Map([[found.live, new Map(found.sessions)]]))
  return true
}

/** Tells a successor of the sessions that are left here, until there is nobody to tell. */
export class LiveTeller {
  readonly #socket: Socket
  readonly #handOver: HandOver
  readonly #told = new Map<string, string>()
  readonly #timer: NodeJS.Timeout

  constructor(socket: Socket, handOver: HandOver) {
    this.#socket = socket
    this.#handOver = handOver
    this.#timer = setInterval(() => this.#tell(), TELL_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tell(): void {
    // Who does not read needs no more of it.
    if (this.#socket.writableLength > 0) return
    for (const [pool, sessions] of this.#handOver.live()) {
      const [line = ''] = liveLines(new Map([[pool, sessions]]))
      if (this.#told.get(pool) === line) continue
      this.#told.set(pool, line)
      this.#socket.write(`${line}\n`)
    }
  }
}
