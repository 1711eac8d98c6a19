import { type PackedPick, REASONS, type Reason, WAITS } from '../native.ts'

const SEAT_UNIT = 2 ** 20

/** The seat (the native handle) of a pick that is not negative. */
export function seatOf(packed: PackedPick): number {
  return Math.floor(packed / SEAT_UNIT)
}

/** The seat of a pick that waits for one; undefined: the pick does not wait. */
export function waitingSeatOf(packed: PackedPick): number | undefined {
  return packed <= WAITS ? WAITS - packed : undefined
}

/** Index of the backend of a pick that is not negative. */
export function backendIndexOf(packed: PackedPick): number {
  return lowPart(packed) >>> 4
}

/** Why that backend. */
export function reasonOf(packed: PackedPick): Reason {
  const reason = REASONS[lowPart(packed) & 15]
  if (reason === undefined) throw new RangeError(`the pick ${packed} has an unknown reason`)
  return reason
}

/** Not by `%`, which is slow for numbers past 32 bits; picks are made by the million. */
function lowPart(packed: PackedPick): number {
  return packed - seatOf(packed) * SEAT_UNIT
}
