import { createHash, timingSafeEqual } from 'node:crypto'

/** The token that clients must show. What is kept is its hash, so that comparing takes equally long for every guess. */
export class Token {
  readonly #hash: Buffer

  constructor(token: Uint8Array) {
    this.#hash = hashOf(token)
  }

  /** Whether the value of the header Authorization shows it, as RFC 6750 has it. */
  isShownBy(authorization: string | undefined): boolean {
    const [, given] = /^Bearer +([^ ]+) *$/i.exec(authorization ?? '') ?? []
    // Headers are read as Latin-1; a token of other characters is sent as its bytes in UTF-8.
    return given !== undefined && timingSafeEqual(hashOf(Buffer.from(given, 'latin1')), this.#hash)
  }
}

function hashOf(token: Uint8Array): Buffer {
  return createHash('sha256').update(token).digest()
}
