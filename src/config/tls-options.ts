import type { Duration } from './value-options.ts'

/** A certificate and its key: files in PEM, relative to the configuration file, or to the working directory. */
export interface CertificateOptions {
  /** The certificate, and behind it those between it and its CA. */
  cert: string
  /** Its private key, without a passphrase. */
  key: string
}

/** TLS that ends at a listener. The files are read again when they change. */
export interface ListenerTlsOptions {
  /** 1 to 100, chosen by the name that the client asks for; the first one is for those who ask for none of them. */
  certificates: CertificateOptions[]
  /** The CAs of client certificates; without it clients are asked for none. */
  clientCa?: string | undefined
  /**
   * With `clientCa`. `require`: who has no certificate is refused; `request`: who has none is served.
   * @defaultValue 'require', with `clientCa`
   */
  clientCertificates?: 'require' | 'request' | undefined
  /**
   * The oldest version that clients may speak.
   * @defaultValue 'TLSv1.2'
   */
  minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  /**
   * Protocols that are offered (ALPN), the best first; at most 16. Empty: none is chosen.
   * @defaultValue []
   */
  alpn?: string[] | undefined
  /**
   * How long the handshake of a client may take, 100 ms to 1 minute.
   * @defaultValue '10s'
   */
  handshakeTimeout?: Duration | undefined
}

/** TLS to the backends of a pool. The files are read again when they change. */
export interface BackendTlsOptions {
  /**
   * Whether the certificate of a backend must be valid, and for its name.
   * @defaultValue 'on'
   */
  verify?: 'on' | 'off' | boolean | undefined
  /** The CAs of the backends' certificates. Default: those that Node.js brings along. */
  ca?: string | undefined
  /**
   * The name that certificates must have, sent as SNI; `sni`: the one that the client asked for, if it did. Default: the host of
   * the backend's address.
   */
  serverName?: string | undefined
  /** A certificate for backends that ask for one. */
  cert?: string | undefined
  /** Its private key, without a passphrase. */
  key?: string | undefined
  /**
   * Protocols that are offered to backends (ALPN); at most 16.
   * @defaultValue []
   */
  alpn?: string[] | undefined
}
