import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import { causeOf } from './failures.ts'
import { HelloName } from './hello-name.ts'
import { hostName } from './host-name.ts'
import { subjectOf } from './pem.ts'
import { Wire } from './wire.ts'

/** A client whose handshake is done. */
export interface SecuredClient {
  /** Decrypted. */
  readonly socket: TLSSocket
  /** The name that it asked for, in lower case; undefined: none. */
  readonly sni: string | undefined
  /** The protocol that was agreed on; undefined: none. */
  readonly alpn: string | undefined
  /** Of its certificate, which was verified; undefined: it has none. */
  readonly subject: string | undefined
}

/** The connection was reset while something was said to the client. */
const LOST = new Set(['ECONNRESET', 'EPIPE'])

/** How a handshake ended; the connection is still open where it was not done. */
export type HandshakeEnd = SecuredClient | { readonly failed: string } | 'gone'

/** One handshake of a client, which nobody waits for longer than it may take. */
export class Handshake {
  readonly #raw: Socket
  readonly #wire: Wire
  readonly #hello: HelloName
  readonly #timer: NodeJS.Timeout
  #done: ((end: HandshakeEnd) => void) | undefined
  /** It left, or was lost: then its connection does. */
  readonly #gone = (): void => this.#end('gone')

  /** `done` is called once, not before the constructor has returned, and after {@link Handshake.stop} not at all. */
  constructor(server: Server, raw: Socket, timeoutMs: number, done: (end: HandshakeEnd) => void) {
    this.#raw = raw
    this.#done = done
    this.#timer = setTimeout(() => this.#end({ failed: 'TIMEOUT' }), timeoutMs).unref()
    raw.once('error', this.#gone).once('close', this.#gone)
    this.#hello = new HelloName(raw)
    const wire = new Wire(raw)
    this.#wire = wire
    // By then TLS has had every byte, also those that came with the end.
    wire.once('end', this.#gone)
    // What becomes of it is told by the raw socket, and later by the one that is decrypted.
    wire.on('error', () => undefined)
    // The server tells of a handshake on the object that got the connection: a view of its own says whose it was.
    const view = Object.create(server, { emit: { value: this.#told(wire) } })
    EventEmitter.prototype.emit.call(view, 'connection', wire)
  }

  stop(): void {
    this.#done = undefined
    clearTimeout(this.#timer)
    this.#hello.stop()
    this.#raw.off('error', this.#gone).off('close', this.#gone)
    this.#wire.off('end', this.#gone)
  }

  #told(wire: Wire): (event: string, ...args: unknown[]) => boolean {
    return (event, ...args) => {
      if (event === 'secureConnection') this.#secured(wire, args[0] as TLSSocket)
      if (event === 'tlsClientError') this.#failed(args[0], args[1] as TLSSocket)
      return true
    }
  }

  #secured(wire: Wire, socket: TLSSocket): void {
    // Whoever has given it up has closed the connection; its socket is not to throw.
    socket.on('error', () => undefined)
    wire.carry(socket)
    const certificate = socket.getPeerX509Certificate()
    if (certificate !== undefined && !socket.authorized) {
      this.#end({ failed: String(socket.authorizationError) })
      return
    }
    const { servername, alpnProtocol } = socket as TLSSocket & { servername?: string | false | null }
    this.#end({
      socket,
      sni: hostName(servername || '') || this.#hello.read(),
      alpn: alpnProtocol || undefined,
      subject: certificate && subjectOf(certificate),
    })
  }

  #failed(error: unknown, { authorizationError }: TLSSocket): void {
    const cause = String(authorizationError ?? causeOf(error))
    this.#end(LOST.has(cause) ? 'gone' : { failed: cause })
  }

  #end(end: HandshakeEnd): void {
    const done = this.#done
    this.stop()
    done?.(end)
  }
}
