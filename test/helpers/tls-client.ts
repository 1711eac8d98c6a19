import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Conn, type Dial } from './net.ts'
import { within } from './wait.ts'

/** A client that speaks TLS. */
export class TlsClient extends Conn {
  readonly tls: TLSSocket
  readonly #raw: Socket

  private constructor(socket: TLSSocket, raw: Socket) {
    super(socket)
    this.tls = socket
    this.#raw = raw
  }

  /** Begins a handshake, which may fail. */
  static async start(dial: Dial, options: ConnectionOptions = {}): Promise<TlsClient> {
    const raw = connectTcp({ ...dial, allowHalfOpen: true, noDelay: true } as Parameters<typeof connectTcp>[0] & object)
    await within('a connection', once(raw, 'connect'))
    raw.on('error', () => undefined)
    return new TlsClient(connect({ rejectUnauthorized: false, ...options, socket: raw }), raw)
  }

  /** Shakes hands; rejects with the error of the handshake. */
  static override async open(dial: Dial, options: ConnectionOptions = {}): Promise<TlsClient> {
    const client = await TlsClient.start(dial, options)
    const secure = new Promise<void>((resolve, reject) => {
      client.tls.once('secureConnect', resolve).once('error', reject)
      client.tls.once('close', () => reject(new Error('closed in the handshake')))
    })
    await within('the handshake', secure)
    return client
  }

  /** Serial number of the certificate that it was shown. */
  get serial(): string {
    return this.tls.getPeerX509Certificate()?.serialNumber ?? ''
  }

  /** Of the connection below. */
  get localPort(): number | undefined {
    return this.#raw.localPort
  }

  /** Closes the connection, without saying so in TLS. */
  truncate(): void {
    this.#raw.end()
  }

  override reset(): void {
    Object.assign(this.#raw, { resetAndClosing: true }).destroy()
  }
}
