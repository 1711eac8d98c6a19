import { constants, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type SecureContextOptions, type Server } from 'node:tls'
import { DAY } from '../config/duration.ts'
import { readTlsFile, type TlsFile } from '../config/tls-files.ts'
import type { ResolvedListenerTls } from '../config/tls-resolved.ts'
import type { Log } from '../log/log.ts'
import { Certificates } from './certificates.ts'
import { HandshakeFailures } from './failures.ts'
import { FilesOnDisk } from './files-on-disk.ts'
import { Handshake, type HandshakeEnd } from './handshake.ts'
import { whyNotAuthorities, whyNotPair } from './pem.ts'

/** As `tls.Server` takes them: a name, an HMAC secret and an AES key of 16 bytes each. */
const TICKET_KEY_BYTES = 48
/** Sessions of so long ago are not resumed: whoever finds the key then can read no older ones. */
const TICKET_KEYS_MS = DAY
/** The same for all contexts, so that a session is resumed whichever certificate it began with. */
const SESSION_ID_CONTEXT = 'limpet'

/** Keys that encrypt session tickets, and whom they are for. */
interface TicketKeys {
  keys: Buffer
  since: number
  /** What clients must have shown: a ticket is as good as a certificate. */
  clientCa: string
}

/** Where the TLS of a listener's clients ends. */
export class Terminator {
  readonly settings: ResolvedListenerTls
  readonly #log: Log
  readonly #listener: string
  readonly #failures: HandshakeFailures
  readonly #server: Server
  readonly #files: FilesOnDisk
  #certificates: Certificates
  #tickets: TicketKeys

  /**
   * `before`: the one in whose place it will be.
   *
   * @throws errors of `crypto`
   */
  constructor(settings: ResolvedListenerTls, listener: string, log: Log, before?: Terminator) {
    this.settings = settings
    this.#log = log
    this.#listener = listener
    this.#failures = new HandshakeFailures(log, { listener }, 'TLS handshakes of clients failed')
    const { certificates, clientCa, clientCertificates, alpn } = settings
    const files = [
      ...certificates.flatMap(({ cert, key }) => [cert, key]),
      ...(clientCa === undefined ? [] : [clientCa]),
    ]
    this.#files = new FilesOnDisk(files)
    const askedFor = `${clientCertificates} ${clientCa?.sha256}`
    this.#tickets = before?.ticketsFor(askedFor) ?? newTickets(askedFor)
    const { first, contexts } = this.#contexts(byPath(files))
    this.#certificates = contexts
    this.#server = createServer({
      ...first,
      SNICallback: (name, done) => done(null, this.#certificates.find(name)),
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      requestCert: clientCa !== undefined,
      rejectUnauthorized: clientCertificates === 'require',
    })
  }

  /** Serial numbers of its certificates. */
  get serials(): readonly string[] {
    return this.#certificates.serials
  }

  /** Begins the handshake of a client. */
  accept(raw: Socket, done: (end: HandshakeEnd) => void): Handshake {
    return new Handshake(this.#server, raw, this.settings.handshakeTimeout, end => {
      if (end !== 'gone' && 'failed' in end) this.#failures.count(end.failed)
      done(end)
    })
  }

  /** The keys of its tickets, for somebody who asks the same of clients. */
  ticketsFor(clientCa: string): TicketKeys | undefined {
    return this.#tickets.clientCa === clientCa ? this.#tickets : undefined
  }

  /** Takes other files if they have changed since it looked the last time; what cannot be used is told, and changes nothing. */
  async look(): Promise<void> {
    if (Date.now() - this.#tickets.since > TICKET_KEYS_MS) {
      this.#tickets = newTickets(this.#tickets.clientCa)
      this.#server.setTicketKeys(this.#tickets.keys)
    }
    if (!(await this.#files.haveChanged())) return
    try {
      this.#renew()
    } catch (error) {
      const { message } = error as Error
      this.#log.error({ listener: this.#listener, error: message }, 'TLS goes on with the old certificates')
    }
  }

  #renew(): void {
    const read = byPath(this.#files.paths.map(path => readTlsFile(path).file))
    this.#check(read)
    const { clientCa, clientCertificates } = this.settings
    const askedFor = `${clientCertificates} ${clientCa && read.get(clientCa.path)?.sha256}`
    this.#tickets = this.ticketsFor(askedFor) ?? newTickets(askedFor)
    const { first, contexts } = this.#contexts(read)
    this.#server.setSecureContext(first)
    this.#certificates = contexts
    this.#log.info({ listener: this.#listener, serials: contexts.serials }, 'TLS certificates were read again')
  }

  #check(read: ReadonlyMap<string, TlsFile>): void {
    const { certificates, clientCa } = this.settings
    for (const { cert, key } of certificates) {
      const why = whyNotPair(pemOf(read, cert), pemOf(read, key))
      if (why !== undefined) throw new Error(`${why.of === 'cert' ? cert.path : key.path}: ${why.message}`)
    }
    const why = clientCa && whyNotAuthorities(pemOf(read, clientCa))
    if (why !== undefined) throw new Error(`${clientCa?.path}: ${why}`)
  }

  /** Of the server, with the first certificate, and of all certificates by their names. */
  #contexts(read: ReadonlyMap<string, TlsFile>): { first: SecureContextOptions; contexts: Certificates } {
    const { certificates, clientCa, minVersion } = this.settings
    const settings: SecureContextOptions = {
      minVersion,
      ticketKeys: this.#tickets.keys,
      sessionIdContext: SESSION_ID_CONTEXT,
      // A client could make the server compute without end.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(clientCa === undefined ? {} : { ca: pemOf(read, clientCa) }),
    }
    const pairs = certificates.map(({ cert, key }) => ({ cert: pemOf(read, cert), key: pemOf(read, key) }))
    return { first: { ...settings, ...pairs[0] }, contexts: new Certificates(pairs, settings) }
  }
}

function newTickets(clientCa: string): TicketKeys {
  return { keys: randomBytes(TICKET_KEY_BYTES), since: Date.now(), clientCa }
}

function byPath(files: readonly TlsFile[]): Map<string, TlsFile> {
  return new Map(files.map(file => [file.path, file]))
}

function pemOf(read: ReadonlyMap<string, TlsFile>, { path }: TlsFile): Buffer {
  const file = read.get(path)
  if (file === undefined) throw new RangeError(`${path} was not read`)
  return file.pem()
}
