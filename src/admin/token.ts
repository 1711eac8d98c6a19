import { createHash, timingSafeEqual } from 'node:crypto'

/** The token that clients must show. What is kept is its hash, so that comparing takes equally long for every guess. */
export class Token {
  readonly #hash: Buffer

  constructor(token: Uint8Array) {
    this.#hash = hashOf(token)
  }

  /** Whether a token that {@link shownToken} found is this one. */
  is(given: string): boolean {
    return timingSafeEqual(hashOf(Buffer.from(given, 'latin1')), this.#hash)
  }
}

/** What the header Authorization shows, as RFC 6750 has it; undefined: no token. */
export function shownToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1]
}

function hashOf(token: Uint8Array): Buffer {
  return createHash('sha256').update(token).digest()
}
