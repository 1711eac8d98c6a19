import type { NativePool } from './pool.ts'

/**
 * What {@link NativeHeadKeys.find} says instead of a key: it wants more bytes; there is none; there might be one further on; it is
 * the address that the PROXY header names.
 */
export const HeadVerdict = { more: 0, missing: 1, cutShort: 2, address: 3 } as const

/** Looks for keys in the first bytes of clients. */
export interface NativeHeadKeys {
  /**
   * The key, a backend that the client names, or a {@link HeadVerdict}. `ended`: no more bytes will come. `pool`: who knows the
   * keys that are learnt, and the addresses of backends. `proxyHeader`: what came before the head, if anything.
   */
  find(
    head: Uint8Array,
    ended: boolean,
    pool: NativePool | undefined,
    proxyHeader?: Uint8Array,
  ): Buffer | NativeNamed | number
  /** Whether a client of PostgreSQL asks for encryption, and that is to be refused: an {@link EncryptionRequest}. */
  encryptionRequest(head: Uint8Array): number
  /** Whether one of the keys is learnt from what backends answer. */
  readonly learns: boolean
  /** Of the first bytes of an answer: the session of TLS that it names, or a {@link HeadVerdict}. */
  sessionOf(answer: Uint8Array): Buffer | number
}

/** A backend that a client names itself, as {@link NativePool.pick} takes it. */
export interface NativeNamed {
  index: number
  generation: number
  /** What decides where it cannot be followed; undefined: the fallback does. {@link HeadVerdict}`.address`: the address does. */
  key?: Buffer | number
}

/** The numbers are those of `native/protocol/postgres.h`. */
export const EncryptionRequest = { none: 0, more: 1, tls: 2, gss: 3 } as const
/** How long one is; it is answered by one byte. */
export const ENCRYPTION_REQUEST_BYTES = 8
