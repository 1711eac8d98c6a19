import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** The wires of sockets that speak TLS through one. */
const WIRES = new WeakMap<Socket, Wire>()
/** Sockets whose connection ended without the word that TLS has for it. */
const TRUNCATED = new WeakSet<Socket>()

/**
 * The connection below a TLS socket. Node.js tells the end of a TLS connection in one way, whether the peer said so
 * (close_notify) or the connection was just closed, perhaps by somebody else and in the middle: between the two stands this, to
 * see whether the connection had ended before TLS did. It hands on what it gets, and holds no more than a stream does.
 */
export class Wire extends Duplex {
  readonly raw: Socket
  /** TLS was told that the connection has ended. */
  hasEnded = false

  constructor(raw: Socket) {
    // When both sides have ended there may be bytes in the TLS socket yet, which would be closed with this: that one closes this.
    super({ allowHalfOpen: true, autoDestroy: false })
    this.raw = raw
    raw.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) raw.pause()
    })
    raw.once('end', () => this.push(null))
    raw.once('error', error => this.destroy(error))
    raw.once('close', () => {
      if (!raw.readableEnded || !raw.writableFinished) this.destroy()
    })
    // Before the listener of TLS, which hears of it in the same turn.
    this.once('end', () => {
      this.hasEnded = true
    })
  }

  /** Remembers the wire of a socket, and sees how its connection ends. */
  carry(socket: TLSSocket): void {
    WIRES.set(socket, this)
    const push = socket.push.bind(socket)
    socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null && this.hasEnded) TRUNCATED.add(socket)
      return push(chunk, encoding)
    }
  }

  override _read(): void {
    this.raw.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.raw.write(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.raw.cork()
    for (const [index, { chunk }] of chunks.entries())
      this.raw.write(chunk, index + 1 === chunks.length ? done : undefined)
    this.raw.uncork()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.raw.end(() => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.raw.destroy()
    done(error)
  }
}

/** The plain socket below a TLS socket; undefined: it is none, or one that was made elsewhere. */
export function rawOf(socket: Socket): Socket | undefined {
  return WIRES.get(socket)?.raw
}

/**
 * Whether a TLS socket has ended without close_notify: then nobody knows whether that was its last byte (RFC 8446, 6.1).
 */
export function isTruncated(socket: Socket): boolean {
  return TRUNCATED.has(socket)
}
