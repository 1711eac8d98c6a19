import { formatDuration } from './duration.ts'
import { given } from './given.ts'
import type { ResolvedBackendTls, ResolvedListenerTls, ResolvedPair } from './tls-resolved.ts'

/** Files by their absolute paths. */
export interface DescribedPair {
  cert: string
  key: string
}

export interface DescribedListenerTls {
  certificates: DescribedPair[]
  /** Absent: clients are asked for no certificate. */
  clientCa?: string
  clientCertificates?: 'require' | 'request'
  minVersion: string
  alpn: string[]
  handshakeTimeout: string
}

export interface DescribedBackendTls extends Partial<DescribedPair> {
  verify: 'on' | 'off'
  /** Absent: those that Node.js brings along. */
  ca?: string
  /** Absent: the host of the address. */
  serverName?: string
  alpn: string[]
}

export function describeListenerTls(tls: ResolvedListenerTls | undefined): DescribedListenerTls | 'off' {
  if (tls === undefined) return 'off'
  const { certificates, clientCa, clientCertificates, minVersion, alpn, handshakeTimeout } = tls
  return {
    certificates: certificates.map(describePair),
    ...given({ clientCa: clientCa?.path, clientCertificates }),
    minVersion,
    alpn: [...alpn],
    handshakeTimeout: formatDuration(handshakeTimeout),
  }
}

export function describeBackendTls(tls: ResolvedBackendTls | undefined): DescribedBackendTls | 'off' {
  if (tls === undefined) return 'off'
  const { verify, ca, serverName, certificate, alpn } = tls
  return {
    verify: verify ? 'on' : 'off',
    ...given({ ca: ca?.path, serverName }),
    ...(certificate === undefined ? {} : describePair(certificate)),
    alpn: [...alpn],
  }
}

function describePair({ cert, key }: ResolvedPair): DescribedPair {
  return { cert: cert.path, key: key.path }
}
