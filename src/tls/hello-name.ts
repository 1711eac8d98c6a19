import type { Socket } from 'node:net'
import { type NativeHeadKeys, native } from '../native.ts'

/** Of clients that put nothing odd into it, the first message has some hundred bytes, or two thousand with keys for later times. */
const MOST_BYTES = 16_384

let keys: NativeHeadKeys | undefined

/**
 * Keeps the beginning of a handshake for the name that the client asks for: of a session of TLS 1.2 that is resumed, Node.js
 * does not know it.
 */
export class HelloName {
  readonly #raw: Socket
  readonly #parts: Buffer[] = []
  #bytes = 0
  readonly #take = (chunk: Buffer): void => {
    this.#parts.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes >= MOST_BYTES) this.#raw.off('data', this.#take)
  }

  constructor(raw: Socket) {
    this.#raw = raw
    raw.on('data', this.#take)
  }

  /** Nobody asks any more. What came is read by somebody else anyway, and not kept: the socket outlives the handshake. */
  stop(): void {
    this.#raw.off('data', this.#take)
    this.#parts.length = 0
  }

  /** In small letters, without the dot of the root; undefined: none. */
  read(): string | undefined {
    keys ??= new (native().HeadKeys)(['tls.sni'])
    const found = keys.find(Buffer.concat(this.#parts), true, undefined)
    return found instanceof Uint8Array ? found.toString('latin1') : undefined
  }
}
