import { createCipheriv, createHash } from 'node:crypto'
import { randomFrom } from '../../src/simulation/random.ts'

const BLOCK = Buffer.alloc(64 * 1024)

/** Bytes that look random and are the same for the same seed, however they are cut. */
export class Pattern {
  readonly #cipher

  constructor(seed: string | number) {
    const key = createHash('sha256').update(String(seed)).digest()
    this.#cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16))
  }

  next(bytes: number): Buffer {
    return this.#cipher.update(bytes <= BLOCK.length ? BLOCK.subarray(0, bytes) : Buffer.alloc(bytes))
  }
}

/** Counts and hashes bytes. */
export class Tally {
  bytes = 0
  readonly #hash = createHash('sha256')

  add(chunk: Uint8Array): void {
    this.bytes += chunk.length
    this.#hash.update(chunk)
  }

  /** How many bytes, and their SHA-256: what two ends of a connection have in common. Does not end it. */
  get sum(): string {
    return `${this.bytes} bytes, ${this.#hash.copy().digest('hex')}`
  }
}

/** The sum of the first bytes of a pattern. */
export function patternSum(seed: string | number, bytes: number): string {
  const pattern = new Pattern(seed)
  const tally = new Tally()
  while (tally.bytes < bytes) tally.add(pattern.next(Math.min(BLOCK.length, bytes - tally.bytes)))
  return tally.sum
}

/** Random numbers that are the same for the same seed: a failed run can be repeated. */
export function randomOf(seed: number): (below: number) => number {
  const random = randomFrom(seed)
  return below => Math.floor(random() * below)
}
