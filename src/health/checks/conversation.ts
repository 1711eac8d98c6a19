import type { Socket } from 'node:net'
import type { ResolvedCheckTls } from '../../config/resolved.ts'
import { CheckFailure, type CheckTarget, LATE } from '../check.ts'
import { dial } from '../dial.ts'

/** How long the last bytes, and the goodbye of TLS, may take. */
const FAREWELL_MS = 1000
/** The most that is kept of what a server says: nobody needs more to tell whether it is well. */
const MOST_BYTES = 64 * 1024

/** A connection to a server that is being checked: what is sent, and what has come so far. */
export class Conversation implements Disposable {
  readonly #socket: Socket
  #heard: Buffer = Buffer.alloc(0)
  #ended = false
  #failure: CheckFailure | undefined
  /** Told that something came, or that nothing more will. */
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      if (this.#heard.length + chunk.length > MOST_BYTES) {
        this.#fail(new CheckFailure(`it sent more than ${MOST_BYTES / 1024} KiB`))
        socket.destroy()
        return
      }
      this.#heard = Buffer.concat([this.#heard, chunk])
      this.#wake()
    })
    socket.on('error', error => this.#fail(CheckFailure.of(error)))
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  /** Connects; with `tls` the handshake is done when it resolves. The connection ends with the signal, too. */
  static async open(
    target: CheckTarget,
    tls: ResolvedCheckTls | undefined,
    signal: AbortSignal,
  ): Promise<Conversation> {
    const socket = dial(target, tls)
    const conversation = new Conversation(socket)
    const abort = (): void => void socket.destroy()
    signal.addEventListener('abort', abort, { once: true })
    socket.once('close', () => signal.removeEventListener('abort', abort))
    let isOpen = false
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      isOpen = true
      conversation.#wake()
    })
    try {
      await conversation.#until(() => isOpen, signal)
      return conversation
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes)
  }

  /**
   * Waits until `read` gives something of what has come; what it used up is taken away.
   *
   * @param read - the end of what it used, from the beginning; undefined: it wants more. It may throw a CheckFailure
   * @param what - names what did not come, for the operator
   */
  async hear(read: (heard: Buffer) => number | undefined, what: string, signal: AbortSignal): Promise<void> {
    let end: number | undefined
    const isHeard = (): boolean => {
      end = read(this.#heard)
      return end !== undefined
    }
    await this.#until(isHeard, signal, what)
    this.#heard = this.#heard.subarray(end)
  }

  /** Says goodbye after a conversation that went well: what was sent last arrives, and the server has nothing to complain of. */
  [Symbol.dispose](): void {
    const socket = this.#socket
    if (this.#failure !== undefined || !socket.writable) {
      socket.destroy()
      return
    }
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS).unref()
    socket.once('close', () => clearTimeout(timer))
    socket.destroySoon()
  }

  async #until(check: () => boolean, signal: AbortSignal, what?: string): Promise<void> {
    while (!check()) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#ended && !signal.aborted) throw new CheckFailure(`it closed the connection${this.#wanted(what)}`)
      if (signal.aborted) throw new CheckFailure(`${LATE}${this.#wanted(what)}`)
      await new Promise<void>(resolve => {
        const done = (): void => {
          signal.removeEventListener('abort', done)
          resolve()
        }
        this.#wake = done
        signal.addEventListener('abort', done, { once: true })
      })
    }
  }

  #wanted(what: string | undefined): string {
    if (what === undefined) return ''
    const heard = this.#heard.subarray(0, 64).toString('latin1')
    return `: wanted ${what}, got ${heard === '' ? 'nothing' : JSON.stringify(heard)}`
  }

  #fail(failure: CheckFailure): void {
    this.#failure ??= failure
    this.#wake()
  }
}
