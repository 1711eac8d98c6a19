import { type Cipher, createCipheriv, createDecipheriv, type Decipher } from 'node:crypto'

/** A key on its way, and sealed: one block of AES. */
export const KEY_BYTES = 16
/** Kind and value, as `native/addon/pool_wrap_exceptions.cc` writes them. */
const CONTENT_BYTES = 9
/** What tells one's own keys from those of another secret, or of other prefixes. */
const MARK_BYTES = KEY_BYTES - CONTENT_BYTES

/** Keys that were opened, those of others left out. */
export interface OpenedKeys {
  keys: Buffer
  /** Where each of them was among the sealed ones. */
  at: number[]
}

/**
 * Affinity keys as a store sees them, which has no business with addresses of clients. Each is one block of AES-256 of its
 * own: always the same for the same key, so that a store can find it again, and nothing to whoever has not the pool's
 * secret. There is nothing to chain or to vary between blocks that are all different, and equal ones must look alike.
 */
export class SealedKeys {
  readonly #mark: Buffer
  readonly #sealing: Cipher
  readonly #opening: Decipher

  /**
   * @param secret - {@link DerivedSecrets.cluster}
   * @param keyDigest - 16 hex digits of what keys are made by: keys of another one are not opened
   */
  constructor(secret: Uint8Array, keyDigest: string) {
    this.#mark = Buffer.from(keyDigest, 'hex').subarray(0, MARK_BYTES)
    this.#sealing = createCipheriv('aes-256-ecb', secret, null).setAutoPadding(false)
    this.#opening = createDecipheriv('aes-256-ecb', secret, null).setAutoPadding(false)
  }

  /** Seals keys as the native pool tells them, {@link KEY_BYTES} each. */
  seal(keys: Buffer): Buffer {
    const marked = Buffer.from(keys)
    for (let at = CONTENT_BYTES; at < marked.length; at += KEY_BYTES) this.#mark.copy(marked, at)
    return this.#sealing.update(marked)
  }

  /** Opens what was sealed, and leaves out what another secret has sealed, or damage. */
  open(sealed: Buffer): OpenedKeys {
    const marked = this.#opening.update(sealed.subarray(0, sealed.length - (sealed.length % KEY_BYTES)))
    const at: number[] = []
    const opened: Buffer[] = []
    for (let number = 0; number * KEY_BYTES < marked.length; number++) {
      const key = marked.subarray(number * KEY_BYTES, (number + 1) * KEY_BYTES)
      if (!key.subarray(CONTENT_BYTES).equals(this.#mark)) continue
      at.push(number)
      opened.push(key.fill(0, CONTENT_BYTES))
    }
    return { keys: Buffer.concat(opened), at }
  }
}
