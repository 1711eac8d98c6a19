import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { hostName } from './host-name.ts'
import { namesOf } from './pem.ts'

/** A certificate and its key, in PEM. */
export interface PemPair {
  cert: Buffer
  key: Buffer
}

/** The certificates of a listener, by the names that clients ask for. */
export class Certificates {
  readonly #exact = new Map<string, SecureContext>()
  /** By what is behind `*.`. */
  readonly #wildcard = new Map<string, SecureContext>()
  /** Serial numbers, in the order of the pairs. */
  readonly serials: readonly string[]

  /**
   * `settings`: what all of them have in common. Of those with the same name the first one counts.
   *
   * @throws errors of `crypto`
   */
  constructor(pairs: readonly PemPair[], settings: SecureContextOptions) {
    const parsed = pairs.map(({ cert }) => new X509Certificate(cert))
    this.serials = parsed.map(({ serialNumber }) => serialNumber)
    for (const [index, { cert, key }] of pairs.entries()) {
      const certificate = parsed[index]
      if (certificate === undefined) continue
      const context = createSecureContext({ ...settings, cert, key })
      for (const name of namesOf(certificate)) this.#add(name, context)
    }
  }

  #add(name: string, context: SecureContext): void {
    const [names, key] = name.startsWith('*.') ? [this.#wildcard, name.slice(2)] : [this.#exact, name]
    if (!names.has(key)) names.set(key, context)
  }

  /** The one for a name: exact, or else by a wildcard in the place of its first label. Undefined: the default. */
  find(name: string): SecureContext | undefined {
    const asked = hostName(name)
    const dot = asked.indexOf('.')
    return this.#exact.get(asked) ?? (dot > 0 ? this.#wildcard.get(asked.slice(dot + 1)) : undefined)
  }
}
