import type { Socket } from 'node:net'
import type { ResolvedPeek } from '../../config/resolved.ts'

/** How a client's first bytes are looked at. */
export interface PeekLimits extends ResolvedPeek {
  /**
   * How long a client may say nothing at all, in milliseconds; `timeout` begins with its first byte then. Undefined: no longer
   * than `timeout`.
   */
  readonly silence?: number
}

export interface FirstBytesEvents {
  /** Called at {@link FirstBytes.start} and whenever more came; `isFinal`: there are as many as there will be. */
  look(isFinal: boolean): void
  /** Their time is over. */
  late(): void
}

/** What a client says first, read for as long as somebody looks for something in it, and not by much more than that takes. */
export class FirstBytes {
  readonly #client: Socket
  readonly #limits: PeekLimits
  readonly #events: FirstBytesEvents
  readonly #came = (): void => this.#look(false)
  readonly #ended = (): void => this.#look(true)
  #timer: NodeJS.Timeout
  #until = 0
  #isSilent: boolean
  #bytes: Buffer

  /** `before`: what was read already. */
  constructor(client: Socket, limits: PeekLimits, before: Buffer | undefined, events: FirstBytesEvents) {
    const { silence, timeout } = limits
    this.#client = client
    this.#limits = limits
    this.#events = events
    this.#bytes = before ?? Buffer.alloc(0)
    this.#isSilent = silence !== undefined
    this.#timer = this.#timerOf(silence ?? timeout)
    client.on('readable', this.#came)
    client.once('end', this.#ended)
  }

  /** All that was read and is left. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** Some were for Limpet itself. */
  set bytes(left: Buffer) {
    this.#bytes = left
  }

  /** Until when they may be looked at, as `performance.now()` has it. */
  get until(): number {
    return this.#until
  }

  get isFull(): boolean {
    return this.#bytes.length >= this.#limits.bytes
  }

  /** Some look for nothing that needs a byte of the client. */
  start(): void {
    this.#look(this.#client.readableEnded)
  }

  /** Takes what has come; nobody is told. */
  read(): void {
    // What is past the limit stays with the socket, which stops reading when it has enough.
    if (this.isFull) return
    const parts = [this.#bytes]
    for (let part: Buffer | null = this.#client.read(); part !== null; part = this.#client.read()) parts.push(part)
    if (parts.length > 1) this.#bytes = Buffer.concat(parts)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#client.off('readable', this.#came)
    this.#client.off('end', this.#ended)
  }

  #timerOf(ms: number): NodeJS.Timeout {
    this.#until = performance.now() + this.#limits.timeout
    return setTimeout(() => this.#events.late(), ms).unref()
  }

  #look(hasEnded: boolean): void {
    this.read()
    if (this.#isSilent && this.#bytes.length > 0) {
      this.#isSilent = false
      clearTimeout(this.#timer)
      this.#timer = this.#timerOf(this.#limits.timeout)
    }
    this.#events.look(hasEnded || this.isFull)
  }
}

/** What has come of a client and lies with its socket, where it stays; undefined: nothing. */
export function unreadOf(client: Socket): Buffer | undefined {
  const bytes: Buffer | null = client.readableLength > 0 ? client.read() : null
  if (bytes === null) return undefined
  client.unshift(bytes)
  return bytes
}
