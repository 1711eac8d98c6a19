import { createHmac, hkdfSync } from 'node:crypto'
import { LimpetError } from '../errors.ts'
import type { PlacementAlgorithm } from './options.ts'
import { SECRET_BYTES } from './text-scalars.ts'

const HASH_SECRET_BYTES = 192
const HMAC_KEY_BYTES = 32
const CIPHER_KEY_BYTES = 32

/**
 * What the secret of a pool becomes: one key for each use, so that none tells anything about another. HKDF with SHA-256
 * (RFC 5869), an empty salt, and an info for each use; each key is derived when it is first asked for. Whoever changes
 * any of this moves the homes of all clients.
 */
export class DerivedSecrets {
  readonly #secret: Uint8Array
  readonly #keys = new Map<string, Buffer>()

  /** @throws {@link LimpetError} `LIMPET_ERR_BAD_SECRET`: fewer than 8 bytes, or more than 4096 */
  constructor(secret: Uint8Array) {
    if (secret.byteLength < SECRET_BYTES.min || secret.byteLength > SECRET_BYTES.max) {
      const range = `${SECRET_BYTES.min} to ${SECRET_BYTES.max}`
      throw new LimpetError('LIMPET_ERR_BAD_SECRET', `the secret has ${secret.byteLength} bytes; ${range} are accepted`)
    }
    this.#secret = secret
  }

  /** For the placement's hash; 192 bytes, the size of XXH3's own secret (it takes 136 and more). */
  get placement(): Buffer {
    return this.#key('placement', HASH_SECRET_BYTES)
  }

  /** For the hash of keys that are not addresses; 192 bytes. */
  get key(): Buffer {
    return this.#key('key', HASH_SECRET_BYTES)
  }

  /** For tokens in cookies; 32 bytes. */
  get cookie(): Buffer {
    return this.#key('cookie', HMAC_KEY_BYTES)
  }

  /** For the keys of exceptions that balancers share; 32 bytes. */
  get cluster(): Buffer {
    return this.#key('cluster', CIPHER_KEY_BYTES)
  }

  /** For the digest; 32 bytes. */
  get digest(): Buffer {
    return this.#key('digest', HMAC_KEY_BYTES)
  }

  #key(use: string, bytes: number): Buffer {
    const known = this.#keys.get(use)
    if (known !== undefined) return known
    const key = Buffer.from(hkdfSync('sha256', this.#secret, '', `limpet/1/${use}`, bytes))
    this.#keys.set(use, key)
    return key
  }
}

/** Versions of the placements; one more whenever an algorithm gives other homes than before. */
const PLACEMENT_VERSIONS: Readonly<Record<PlacementAlgorithm, number>> = { rendezvous: 1, ring: 1 }

/** What homes depend on, besides the secret. */
export interface DigestInput {
  placement: PlacementAlgorithm
  ipv4Prefix: number
  /** 0: auto. */
  ipv6Prefix: number
  /** Where places of hot keys are; absent: none is spread. */
  hotKey?: { spread: number; by: string } | undefined
  /** In any order; those of weight 0 are not part of the membership and change nothing. */
  backends: Iterable<{ name: string; weight: number; backup?: boolean | undefined }>
}

/**
 * The digest of a pool, 16 hex digits: two balancers with equal digests give equal homes.
 * HMAC-SHA-256, cut to 64 bits, over fields that each begin with their length, so that no two inputs look alike.
 *
 * @param key - {@link DerivedSecrets.digest}
 */
export function digest(key: Uint8Array, input: DigestInput): string {
  const hmac = createHmac('sha256', key)
  const field = (value: Buffer | string | number): void => {
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  for (const value of [input.placement, PLACEMENT_VERSIONS[input.placement], input.ipv4Prefix, input.ipv6Prefix])
    field(value)
  if (input.hotKey !== undefined) for (const value of ['hotKey', input.hotKey.spread, input.hotKey.by]) field(value)
  for (const { name, weight, backup } of membership(input.backends)) {
    field(name)
    field(weight)
    field(backup ? 1 : 0)
  }
  return hmac.digest().subarray(0, 8).toString('hex')
}

/** Sorted bytewise, which is the same on every machine, unlike an order of a language or of UTF-16. */
function membership(backends: DigestInput['backends']): { name: Buffer; weight: number; backup: boolean }[] {
  return [...backends]
    .filter(({ weight }) => weight > 0)
    .map(({ name, weight, backup }) => ({ name: Buffer.from(name), weight, backup: backup === true }))
    .sort((left, right) => Buffer.compare(left.name, right.name))
}
