/**
 * −log2(u / 2^64) with 56 fraction bits: piecewise linear between 2^11 + 1 nodes over [1, 2), each node by repeated
 * squaring. Where it rounds, and which way, is part of the placement: both sides must do the same.
 */
const FRACTION_BITS = 56n
const SEGMENT_BITS = 11n
const SEGMENTS = 1 << Number(SEGMENT_BITS)
const REST_BITS = 63n - SEGMENT_BITS

const NODES: readonly bigint[] = Array.from({ length: SEGMENTS + 1 }, (_, i) => log2(BigInt(i)))

/** log2(1 + i / 2^11), rounded down; a square is cut to 64 bits before the next one. */
function log2(i: bigint): bigint {
  if (i === BigInt(SEGMENTS)) return 1n << FRACTION_BITS
  let m = (1n << 63n) + (i << REST_BITS)
  let result = 0n
  for (let bit = FRACTION_BITS - 1n; bit >= 0n; bit--) {
    m = (m * m) >> 63n
    if (m >> 64n === 0n) continue
    result |= 1n << bit
    m >>= 1n
  }
  return result
}

/** Needs u > 0. */
export function negativeLog2(u: bigint): bigint {
  const zeros = 64 - u.toString(2).length
  const m = u << BigInt(zeros)
  const segment = Number((m >> REST_BITS) & ((1n << SEGMENT_BITS) - 1n))
  const rest = m & ((1n << REST_BITS) - 1n)
  const from = NODES[segment] ?? 0n
  const to = NODES[segment + 1] ?? 0n
  return (BigInt(1 + zeros) << FRACTION_BITS) - (from + (((to - from) * rest) >> REST_BITS))
}
