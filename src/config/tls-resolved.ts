import type { TlsFile } from './tls-files.ts'

/** A certificate and its key. */
export interface ResolvedPair {
  readonly cert: TlsFile
  readonly key: TlsFile
}

/** TLS that ends at a listener. */
export interface ResolvedListenerTls {
  /** At least one. */
  readonly certificates: readonly ResolvedPair[]
  /** Undefined: clients are asked for no certificate. */
  readonly clientCa: TlsFile | undefined
  /** Undefined without `clientCa`. */
  readonly clientCertificates: 'require' | 'request' | undefined
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly alpn: readonly string[]
  /** Milliseconds. */
  readonly handshakeTimeout: number
}

/** TLS to the backends of a pool. */
export interface ResolvedBackendTls {
  readonly verify: boolean
  /** Undefined: the CAs that Node.js brings along. */
  readonly ca: TlsFile | undefined
  /** `sni`: what the client asked for. Undefined: the host of the address. */
  readonly serverName: string | undefined
  /** For backends that ask for one. */
  readonly certificate: ResolvedPair | undefined
  readonly alpn: readonly string[]
}
