import { Hasher, lengthDelimited, mix64, u32, u64 } from './hash.ts'
import { addressKey, bytesKey, type KeyRules, keyBytes, type OracleKey } from './key.ts'
import { negativeLog2 } from './log2.ts'

/**
 * A second implementation of the placement, in numbers without a size: slow, and made to be read beside the description
 * in docs/placement.md. It shares nothing with what it judges.
 */
export interface OracleRules {
  algorithm: 'rendezvous' | 'ring'
  /** 192 bytes. */
  secret: Uint8Array
  keys: KeyRules
  /** Names that differ, with weights; weight 0 is no member. */
  backends: readonly OracleBackend[]
  /** Points per unit of weight. */
  ringPoints: number
}

export interface OracleBackend {
  name: string
  weight: number
}

/** Everything between a key and one backend, for whoever debugs a difference. */
export interface OracleScore {
  name: string
  weight: number
  u: bigint
  negativeLog: bigint
}

export const SLOTS = 1n << 20n

interface Point {
  hash: bigint
  name: string
}

export class OraclePlacement {
  readonly #rules: OracleRules
  readonly #hasher: Hasher
  readonly #members: readonly (OracleBackend & { seed: bigint })[]
  readonly #points: readonly Point[]
  // By slot, or by number of the clockwise point: an order depends on nothing else of a key.
  readonly #orders = new Map<number, readonly string[]>()

  constructor(rules: OracleRules) {
    this.#rules = rules
    this.#hasher = new Hasher(rules.secret)
    const members = rules.backends.filter(({ weight }) => weight > 0)
    this.#members = members.map(member => ({ ...member, seed: this.#hasher.hash(lengthDelimited(member.name)) }))
    this.#points = rules.algorithm === 'ring' ? this.#ring(members) : []
  }

  /** The home of an address, or of bytes; undefined without members. */
  home(key: string | Uint8Array): string | undefined {
    return this.order(key)[0]
  }

  /** All members, best first. */
  order(key: string | Uint8Array): readonly string[] {
    if (this.#members.length === 0) return []
    const hash = this.hash(this.key(key))
    const ring = this.#rules.algorithm === 'ring'
    const place = ring ? this.#successor(hash) : Number(hash % SLOTS)
    let order = this.#orders.get(place)
    if (order === undefined) {
      order = ring ? this.#clockwise(place) : this.scores(BigInt(place)).map(({ name }) => name)
      this.#orders.set(place, order)
    }
    return order
  }

  key(key: string | Uint8Array): OracleKey {
    return typeof key === 'string' ? addressKey(key, this.#rules.keys) : bytesKey(key, this.#rules.keys)
  }

  /** K: a key's place among the slots, or on the circle. */
  hash(key: OracleKey): bigint {
    return this.#hasher.hash(keyBytes(key))
  }

  /** S: the word of a slot. */
  slotWord(slot: bigint): bigint {
    return this.#hasher.hash(u64(slot))
  }

  /** B: the word of a backend. */
  backendSeed(name: string): bigint {
    return this.#hasher.hash(lengthDelimited(name))
  }

  /** The members of a slot, best first. */
  scores(slot: bigint): OracleScore[] {
    const word = this.slotWord(slot)
    const scores = this.#members.map(({ name, weight, seed }) => {
      const u = mix64(word ^ seed) || 1n
      return { name, weight, u, negativeLog: negativeLog2(u) }
    })
    return scores.sort(byScore)
  }

  #ring(members: readonly OracleBackend[]): Point[] {
    const points: Point[] = []
    for (const { name, weight } of members) {
      for (let number = 0; number < weight * this.#rules.ringPoints; number++) {
        points.push({ name, hash: this.#hasher.hash(Buffer.concat([lengthDelimited(name), u32(number)])) })
      }
    }
    return points.sort((a, b) => compare(a.hash, b.hash) || byName(a.name, b.name))
  }

  /** Number of the first point at or after a place of the circle; past the last one the circle begins anew. */
  #successor(hash: bigint): number {
    let [from, to] = [0, this.#points.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.#point(middle).hash < hash) from = middle + 1
      else to = middle
    }
    return from % this.#points.length
  }

  #clockwise(from: number): string[] {
    const seen = new Set<string>()
    for (let at = from; seen.size < this.#members.length; at++) seen.add(this.#point(at).name)
    return [...seen]
  }

  #point(number: number): Point {
    const point = this.#points[number % this.#points.length]
    if (point === undefined) throw new RangeError(`the ring has no point ${number}`)
    return point
  }
}

/** −log2(u) / weight, the smaller the better, without a division; then the larger u, then the smaller name. */
function byScore(a: OracleScore, b: OracleScore): number {
  const difference = compare(a.negativeLog * BigInt(b.weight), b.negativeLog * BigInt(a.weight))
  return difference || compare(b.u, a.u) || byName(a.name, b.name)
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** By bytes of UTF-8, which is not the order of JavaScript's strings. */
function byName(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
