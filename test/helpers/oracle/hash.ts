import { hkdfSync } from 'node:crypto'
import xxhash, { type XXHash3 } from 'xxhash-addon'

/** 64 one bits. */
export const MASK = (1n << 64n) - 1n

/** A keyed XXH3-64. The digest of the package is big endian, as XXH64_canonicalFromHash writes it. */
export class Hasher {
  readonly #state: XXHash3

  constructor(secret: Uint8Array) {
    this.#state = new xxhash.XXHash3(Buffer.from(secret))
  }

  hash(bytes: Buffer): bigint {
    this.#state.reset()
    this.#state.update(bytes)
    return this.#state.digest().readBigUInt64BE()
  }
}

/** The finalizer of splitmix64. */
export function mix64(x: bigint): bigint {
  let z = x
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK
  return z ^ (z >> 31n)
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

/** A name with its length before it, so that no two names with suffixes can meet. */
export function lengthDelimited(name: string): Buffer {
  const utf8 = Buffer.from(name, 'utf8')
  return Buffer.concat([u32(utf8.length), utf8])
}

/** The 192 bytes that a pool's secret becomes for one use: HKDF-SHA-256, no salt, info `limpet/1/<use>`. */
export function derive(secret: string, use: 'placement' | 'key'): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'utf8'), '', `limpet/1/${use}`, 192))
}
