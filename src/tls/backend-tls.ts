import { isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { readTlsFile, type TlsFile } from '../config/tls-files.ts'
import type { ResolvedBackendTls } from '../config/tls-resolved.ts'
import type { Log } from '../log/log.ts'
import type { BackendRecord, Endpoint } from '../pool/records.ts'
import { type ConnectFailure, type ConnectSettings, connectBackend } from '../relay/connect.ts'
import { causeOf, HandshakeFailures } from './failures.ts'
import { FilesOnDisk } from './files-on-disk.ts'
import { whyNotAuthorities, whyNotPair } from './pem.ts'
import { Wire } from './wire.ts'

const FAILED: ConnectFailure = { counter: 'connectTls', keepsPin: false }
/** For what a client asked for, or did not: nobody is to have a backend ejected by asking for names that it does not have. */
const FAILED_FOR_CLIENT: ConnectFailure = { counter: 'connectTls', keepsPin: true }
const LATE: ConnectFailure = { counter: 'connectTimeout', keepsPin: false }

/** Whom to connect to. */
export interface TlsBackend {
  backend: BackendRecord
  /** Its endpoint. */
  endpoint: Endpoint
  /** What the client asked for; undefined: nothing, or nobody knows. */
  sni: string | undefined
  /** What it is told before the handshake: a PROXY header. */
  introduction?: Buffer | undefined
}

/** Called once: with the socket that is encrypted, or with why there is none. */
export type Connected = (failure: ConnectFailure | undefined, socket?: TLSSocket) => void

/** TLS to the backends of a pool. */
export class BackendTls {
  readonly #settings: ResolvedBackendTls
  readonly #log: Log
  readonly #pool: string
  readonly #failures: HandshakeFailures
  readonly #files: FilesOnDisk
  #context: SecureContext

  /** @throws errors of `crypto` */
  constructor(settings: ResolvedBackendTls, pool: string, log: Log) {
    this.#settings = settings
    this.#log = log
    this.#pool = pool
    this.#failures = new HandshakeFailures(log, { pool }, 'TLS handshakes with backends failed')
    const { ca, certificate } = settings
    const files = [ca, certificate?.cert, certificate?.key].filter(file => file !== undefined)
    this.#files = new FilesOnDisk(files)
    this.#context = contextOf(settings, file => file.pem())
  }

  /** As {@link connectBackend}, then the introduction and the handshake, within the same time. Gives the plain socket; whoever destroys that, ends both. */
  connect({ backend, endpoint, sni, introduction }: TlsBackend, settings: ConnectSettings, done: Connected): Socket {
    const deadline = performance.now() + settings.connectMs
    const raw = connectBackend(endpoint, settings, failure => {
      if (failure !== undefined) {
        done(failure)
        return
      }
      if (introduction !== undefined) raw.write(introduction)
      this.#shakeHands(raw, { backend, endpoint, sni }, deadline, done)
    })
    return raw
  }

  async look(): Promise<void> {
    if (this.#files.paths.length === 0 || !(await this.#files.haveChanged())) return
    try {
      const { ca, certificate } = this.#settings
      const read = new Map(this.#files.paths.map(path => [path, readTlsFile(path).file.pem()]))
      const pemOf = ({ path }: TlsFile): Buffer => read.get(path) ?? Buffer.alloc(0)
      const why =
        (certificate && whyNotPair(pemOf(certificate.cert), pemOf(certificate.key))?.message) ??
        (ca && whyNotAuthorities(pemOf(ca)))
      if (why !== undefined) throw new Error(why)
      this.#context = contextOf(this.#settings, pemOf)
      this.#log.info({ pool: this.#pool }, 'files of backendTls were read again')
    } catch (error) {
      const { message } = error as Error
      this.#log.error({ pool: this.#pool, error: message }, 'TLS to backends goes on with the old files')
    }
  }

  #optionsFor({ address }: BackendRecord, sni: string | undefined): ConnectionOptions {
    const { verify, serverName, alpn } = this.#settings
    const host = address.kind === 'unix' ? undefined : address.host
    const name = (serverName === 'sni' ? sni : serverName) ?? host
    return {
      secureContext: this.#context,
      rejectUnauthorized: verify,
      // Of an IP address the certificate must have that as its name; SNI has none (RFC 6066, 3).
      ...(name === undefined ? {} : isIP(name) === 0 ? { servername: name } : { host: name }),
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    }
  }

  #shakeHands(raw: Socket, { backend, sni }: TlsBackend, deadline: number, done: Connected): void {
    const wire = new Wire(raw)
    wire.on('error', () => undefined)
    const socket = connect({ ...this.#optionsFor(backend, sni), socket: wire })
    const failed = this.#settings.serverName === 'sni' ? FAILED_FOR_CLIENT : FAILED
    wire.carry(socket)
    const finish = (failure: ConnectFailure | undefined, cause?: string): void => {
      clearTimeout(timer)
      raw.off('close', abandoned)
      socket.off('secureConnect', onSecure).off('error', onError).off('end', onEnd)
      if (failure === undefined) {
        done(undefined, socket)
        return
      }
      // What still happens to it is of no consequence.
      socket.on('error', () => undefined).destroy()
      raw.destroy()
      this.#failures.count(`${backend.name}: ${cause}`)
      done(failure)
    }
    const onSecure = (): void => finish(undefined)
    const onError = (error: Error): void => finish(failed, causeOf(error))
    const onEnd = (): void => finish(failed, 'CLOSED')
    // By whoever wanted it; after an error of its own the other listeners have heard of that first.
    const abandoned = (): void => {
      clearTimeout(timer)
      socket.off('secureConnect', onSecure).off('end', onEnd)
    }
    const timer = setTimeout(() => finish(LATE, 'TIMEOUT'), Math.max(1, deadline - performance.now())).unref()
    raw.once('close', abandoned)
    socket.once('secureConnect', onSecure).once('error', onError).once('end', onEnd)
  }
}

function contextOf({ ca, certificate }: ResolvedBackendTls, pemOf: (file: TlsFile) => Buffer): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: pemOf(ca) }),
    ...(certificate === undefined ? {} : { cert: pemOf(certificate.cert), key: pemOf(certificate.key) }),
  })
}
