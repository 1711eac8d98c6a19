import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** Why a certificate and a key cannot be used, and which of the two it is about; undefined: they can. */
export function whyNotPair(cert: Buffer, key: Buffer): { of: 'cert' | 'key'; message: string } | undefined {
  const certificate = certificateOf(cert)
  if (typeof certificate === 'string') return { of: 'cert', message: certificate }
  try {
    const known = createPrivateKey(key)
    if (!certificate.checkPrivateKey(known)) return { of: 'key', message: 'this is not the key of the certificate' }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const needs = code === 'ERR_MISSING_PASSPHRASE' || /passphrase|password|bad decrypt|interrupted/i.test(message)
    return { of: 'key', message: needs ? 'the key needs a passphrase' : `this is no private key (${code ?? message})` }
  }
  try {
    createSecureContext({ cert, key })
    return undefined
  } catch (error) {
    // What the system's policy forbids, like a key that is too short.
    return { of: 'cert', message: `the certificate cannot be used: ${reasonOf(error)}` }
  }
}

/** Where a certificate begins, up to its end or to that of the file. */
const CERTIFICATE = /-----BEGIN (?:X509 )?CERTIFICATE-----[^-]*(?:-----END (?:X509 )?CERTIFICATE-----)?/g

/**
 * Why a file of CAs cannot be used; undefined: it can. Each of them is looked at: OpenSSL takes those before the first one that is
 * broken, as in a file that is not written to its end, and says nothing of the others.
 */
export function whyNotAuthorities(pem: Buffer): string | undefined {
  const first = certificateOf(pem)
  if (typeof first === 'string') return first
  for (const [index, [text]] of [...pem.toString('latin1').matchAll(CERTIFICATE)].entries()) {
    const certificate = certificateOf(Buffer.from(text, 'latin1'))
    if (typeof certificate === 'string') return `certificate ${index + 1}: ${certificate}`
  }
  try {
    createSecureContext({ ca: pem })
    return undefined
  } catch (error) {
    return `the certificates cannot be used: ${reasonOf(error)}`
  }
}

/** What is allowed of a certificate, and most likely not meant. `isNamed`: only clients that ask for its names get it. */
export function certificateWarnings(cert: Buffer, isNamed: boolean): string[] {
  const certificate = new X509Certificate(cert)
  const now = Date.now()
  const warnings: string[] = []
  if (Date.parse(certificate.validTo) < now) warnings.push(`the certificate has expired: ${certificate.validTo}`)
  if (Date.parse(certificate.validFrom) > now)
    warnings.push(`the certificate is not valid yet: ${certificate.validFrom}`)
  if (isNamed && namesOf(certificate).length === 0)
    warnings.push('the certificate has no DNS name (subjectAltName), so that nobody ever gets it')
  return warnings
}

/** The DNS names of a certificate, in small letters. */
export function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)
  return [...names].map(([, name = '']) => name.toLowerCase())
}

/**
 * The subject of a certificate as RFC 4514 has it: the most special part first, `CN=alice,OU=sales,O=Example`. Node.js gives
 * its parts line by line, in the order of the certificate, those of several values with ` + ` in between, and escapes commas,
 * plus signs and line breaks in them.
 */
export function subjectOf({ subject }: X509Certificate): string {
  const parts = subject.split('\n').map(part => part.split(' + ').reverse().join('+'))
  return parts.reverse().join(',')
}

function certificateOf(pem: Buffer): X509Certificate | string {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    return `this is no certificate (${(error as NodeJS.ErrnoException).code ?? reasonOf(error)})`
  }
}

function reasonOf(error: unknown): string {
  const { reason, message } = error as Error & { reason?: string }
  return reason ?? message
}
