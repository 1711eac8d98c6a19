import { createHmac } from 'node:crypto'

/** 128 bits: nobody guesses one. */
const TOKEN_BYTES = 16

/**
 * What stands for a backend in a cookie: HMAC-SHA-256 of its name, cut to 128 bits, as 22 characters of base64url. Nothing of
 * the backend can be read from it, nobody without the secret can make one, and every balancer with the secret makes the same.
 *
 * @param key - `DerivedSecrets.cookie`
 */
export function tokenOf(key: Uint8Array, backend: string): string {
  return createHmac('sha256', key).update(backend).digest().subarray(0, TOKEN_BYTES).toString('base64url')
}

/** The tokens of the backends of a pool. */
export class BackendTokens {
  readonly #key: Uint8Array
  readonly #names = new Map<string, string>()
  readonly #tokens = new Map<string, string>()

  constructor(key: Uint8Array, backends: Iterable<string>) {
    this.#key = key
    this.replace(backends)
  }

  /** These are the backends now. */
  replace(backends: Iterable<string>): void {
    const names = new Set(backends)
    for (const [name, token] of this.#tokens) {
      if (names.has(name)) continue
      this.#tokens.delete(name)
      this.#names.delete(token)
    }
    for (const name of names) {
      if (this.#tokens.has(name)) continue
      const token = tokenOf(this.#key, name)
      this.#tokens.set(name, token)
      this.#names.set(token, name)
    }
  }

  /** Of a backend that is not there any more, too: a session can outlive it. */
  tokenOf(backend: string): string {
    return this.#tokens.get(backend) ?? tokenOf(this.#key, backend)
  }

  /** The backend that a token stands for; undefined: it stands for none that is there. */
  backendOf(token: string): string | undefined {
    return this.#names.get(token)
  }
}
