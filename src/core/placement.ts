import { optionsArgument } from '../arguments.ts'
import type { PlacementAlgorithm } from '../config/options.ts'
import { PoolSecret } from '../config/pool-secret.ts'
import { ringRefusal } from '../config/ring.ts'
import { LIMITS, RING_POINTS } from '../config/schema.ts'
import { DerivedSecrets, digest } from '../config/secrets.ts'
import { argumentRangeError, argumentTypeError, LimpetError } from '../errors.ts'
import { type NativePlacement, native } from '../native.ts'
import { integer, keyArgument, notAnAddress } from './arguments.ts'

/** What a {@link Placement} is made of. */
export interface PlacementSettings {
  /** The backends, in any order: names, which must differ, and weights, 0 (no keys) to 65,535. At most 10,000. */
  backends: Iterable<{ name: string; weight?: number | undefined }>
  /**
   * How the order is made.
   * @defaultValue 'rendezvous'
   */
  placement?: PlacementAlgorithm | undefined
  /**
   * 8 to 4096 bytes; a string counts as UTF-8. A pool with this secret has the same homes.
   * @defaultValue a constant, which everybody may know
   */
  secret?: string | Uint8Array | undefined
  /**
   * Bits of an IPv4 address that count, 1 to 32.
   * @defaultValue 32
   */
  ipv4Prefix?: number | undefined
  /**
   * Bits of an IPv6 address that count, 1 to 128; `auto`: as in a pool, homes are those of /56s.
   * @defaultValue 64
   */
  ipv6Prefix?: number | 'auto' | undefined
}

const ALGORITHMS: Readonly<Record<PlacementAlgorithm, number>> = { rendezvous: 0, ring: 1 }
const MOST_WEIGHT = 65_535

/**
 * The pure function (secret, names and weights, key) → ordered backends, on its own: no loads, no table, no sockets.
 * Equal settings give equal answers on every machine. Loads the native addon.
 */
export class Placement {
  /** 16 hex digits: placements of equal digests give equal homes. */
  readonly digest: string
  readonly #names: string[] = []
  readonly #native: NativePlacement

  /**
   * @throws a `TypeError` or `RangeError` for a bad setting; {@link LimpetError} `LIMPET_ERR_BACKEND_EXISTS`: a name is
   *   there twice; `LIMPET_ERR_BAD_SECRET`; `LIMPET_ERR_ADDON_LOAD`
   */
  constructor(settings: PlacementSettings) {
    const { placement = 'rendezvous', ipv4Prefix = 32, ipv6Prefix = 64 } = optionsArgument('settings', settings)
    if (!Object.hasOwn(ALGORITHMS, placement)) throw argumentRangeError('placement', 'rendezvous or ring', placement)
    integer('ipv4Prefix', ipv4Prefix, 1, 32)
    if (ipv6Prefix !== 'auto') integer('ipv6Prefix', ipv6Prefix, 1, 128)
    const ipv6 = ipv6Prefix === 'auto' ? 0 : ipv6Prefix
    const backends = readBackends(settings.backends)
    const members = [...backends].map(([name, weight]) => ({ name, weight }))
    const tooLarge = placement === 'ring' ? ringRefusal(members) : undefined
    if (tooLarge !== undefined) throw argumentRangeError('backends', tooLarge.accepted, tooLarge.weights)
    const secrets = new DerivedSecrets(secretBytes(settings.secret))
    this.digest = digest(secrets.digest, { placement, ipv4Prefix, ipv6Prefix: ipv6, backends: members })
    this.#names = [...backends.keys()]
    const weights = Uint32Array.from(backends.values())
    this.#native = new (native().Placement)(
      ALGORITHMS[placement],
      RING_POINTS,
      secrets.placement,
      secrets.key,
      ipv4Prefix,
      ipv6,
      this.#names,
      weights,
    )
  }

  /**
   * The first backend of a key's order; undefined: no backend has a weight.
   *
   * @param key - an IP address as text, or 1 to 65,536 bytes of anything
   * @throws {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`; a `TypeError` or `RangeError` for what cannot be a key
   */
  home(key: string | Uint8Array): string | undefined {
    const checked = keyArgument(key)
    const home = typeof checked === 'string' ? this.#native.home(checked) : this.#native.homeOfBytes(checked)
    if (home < -1) throw notAnAddress(key)
    return this.#names[home]
  }

  /**
   * All backends of weight > 0, best first for this key.
   *
   * @param key - as for {@link Placement.home}
   */
  order(key: string | Uint8Array): string[] {
    const checked = keyArgument(key)
    const order = typeof checked === 'string' ? this.#native.order(checked) : this.#native.orderOfBytes(checked)
    if (order === null) throw notAnAddress(key)
    return Array.from(order, index => this.#names[index] ?? '')
  }

  /** The share of all keys that each backend is home of, by name; they sum to 1. Walks everything: may take 100 ms and more. */
  shares(): Map<string, number> {
    const shares = this.#native.shares()
    return new Map(this.#names.map((name, index) => [name, shares[index] ?? 0]))
  }
}

function readBackends(given: PlacementSettings['backends']): Map<string, number> {
  const backends = new Map<string, number>()
  if (typeof given?.[Symbol.iterator] !== 'function') throw argumentTypeError('backends', 'an iterable', given)
  for (const backend of given) {
    const { name, weight = 1 } = optionsArgument('backend', backend)
    if (typeof name !== 'string') throw argumentTypeError('name', 'a string', name)
    if (name === '') throw argumentRangeError('name', 'a text that is not empty', name)
    integer('weight', weight, 0, MOST_WEIGHT)
    if (backends.has(name)) {
      throw new LimpetError('LIMPET_ERR_BACKEND_EXISTS', `there are two backends ${JSON.stringify(name)}`, {
        backend: name,
      })
    }
    backends.set(name, weight)
  }
  integer('backends.length', backends.size, 0, LIMITS.backends)
  return backends
}

function secretBytes(secret: string | Uint8Array | undefined): Uint8Array {
  if (secret === undefined) return PoolSecret.ofPool('').bytes()
  if (typeof secret === 'string') return Buffer.from(secret)
  if (secret instanceof Uint8Array) return secret
  throw argumentTypeError('secret', 'a string or a Uint8Array', secret)
}
