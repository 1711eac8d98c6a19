import { z } from 'zod'
import type { Mode } from './duration.ts'
import { duration, off, oneOf, onOff } from './scalars.ts'
import { filePath, plainText } from './text-scalars.ts'

/** More would not be found by clients in any useful time, and each is asked for by its files every two seconds. */
const MOST_CERTIFICATES = 100
const MOST_PROTOCOLS = 16
/** Of a name in ALPN, by its one byte of length. */
const LONGEST_PROTOCOL = 255

function tlsFile(description: string): z.ZodType<string, string> {
  return filePath(`${description}, in PEM; relative to the configuration file.`, 'LIMPET_ERR_TLS_FILE')
}

function protocols(description: string) {
  return z
    .array(plainText(LONGEST_PROTOCOL, 'The name of a protocol, like http/1.1.'))
    .max(MOST_PROTOCOLS)
    .prefault([])
    .describe(description)
}

/** TLS that ends at a listener. */
export function listenerTls(mode: Mode) {
  const settings = z.strictObject({
    certificates: z
      .array(
        z.strictObject({
          cert: tlsFile('The certificate, with those between it and its CA behind it'),
          key: tlsFile('Its private key, without a passphrase'),
        }),
      )
      .min(1)
      .max(MOST_CERTIFICATES)
      .describe('Chosen by the name that the client asks for; the first one is for those who ask for none of them.'),
    clientCa: tlsFile('The CAs of client certificates; without it clients are asked for none').optional(),
    clientCertificates: oneOf(
      ['require', 'request'],
      'With clientCa. require: who has none is refused; request: who has none is served.',
    ).optional(),
    minVersion: oneOf(['TLSv1.2', 'TLSv1.3'], 'The oldest version that clients may speak.').prefault('TLSv1.2'),
    alpn: protocols('Protocols that are offered (ALPN), the best first; empty: none is chosen.'),
    handshakeTimeout: duration(
      { min: 100, max: 60_000 },
      mode,
      'How long the handshake of a client may take.',
    ).prefault('10s'),
  })
  return z
    .union([settings, off('{ certificates, … }', 'The bytes of clients are passed on as they are.')])
    .prefault('off')
    .describe('TLS of clients ends here, and backends get what was in it.')
}

/** TLS to the backends of a pool. */
export function backendTls() {
  const settings = z.strictObject({
    verify: onOff('Whether the certificate of a backend must be valid, and for its name.').prefault('on'),
    ca: tlsFile("The CAs of the backends' certificates; default: those that Node.js brings along").optional(),
    serverName: plainText(
      255,
      'The name that certificates must have, sent as SNI. sni: the one that the client asked for. Default: the host of the address.',
    ).optional(),
    cert: tlsFile('A certificate for backends that ask for one').optional(),
    key: tlsFile('Its private key, without a passphrase').optional(),
    alpn: protocols('Protocols that are offered to backends (ALPN).'),
  })
  return z
    .union([settings, off('{ verify, ca, serverName, … }', 'Plain connections.')])
    .prefault('off')
    .describe('TLS on the connections to backends.')
}

export type ParsedListenerTls = NonNullable<z.output<ReturnType<typeof listenerTls>>>
export type ParsedBackendTls = NonNullable<z.output<ReturnType<typeof backendTls>>>
