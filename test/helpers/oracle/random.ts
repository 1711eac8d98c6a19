import { mix64 } from './hash.ts'

/** Numbers that look random and are the same in every run, so that a threshold of a test cannot fail by bad luck. */
export class Random {
  #state: bigint

  constructor(seed: number) {
    this.#state = mix64(BigInt(seed) + 0x9e3779b97f4a7c15n)
  }

  /** 0 ≤ result < bound ≤ 2^32. */
  below(bound: number): number {
    this.#state = (this.#state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn
    return Number(mix64(this.#state) % BigInt(bound))
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** A copy in another order (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const copy = [...items]
    for (let last = copy.length - 1; last > 0; last--) {
      const other = this.below(last + 1)
      const moved = copy[last] as T
      copy[last] = copy[other] as T
      copy[other] = moved
    }
    return copy
  }

  ipv4(): string {
    const bits = this.below(0x1_0000_0000)
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`
  }

  ipv6(): string {
    return Array.from({ length: 8 }, () => this.below(0x1_0000).toString(16)).join(':')
  }
}

/** The n-th of 16 million different IPv4 addresses. */
export function nthAddress(n: number): string {
  return `10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
}

/** The first half of an address in the n-th of 4 billion different /64s; a last group completes it. */
export function nthNetwork(n: number): string {
  return `2001:db8:${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}::`
}
