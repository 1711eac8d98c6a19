import { type NativePool, type PackedPick, PickStatus, REASONS, type Reason } from '../../../src/native.ts'

/** A pick that found a seat. */
export interface Picked {
  handle: number
  /** Index of the backend. */
  backend: number
  reason: Reason
}

export type PickRefusal = 'noBackend' | 'poolFull' | 'badAddress'

/** What a {@link PackedPick} says. */
export function unpack(packed: PackedPick): Picked | PickRefusal {
  if (packed < 0) {
    const status = Object.entries(PickStatus).find(([, number]) => number === packed)
    if (status === undefined) throw new RangeError(`a pick gave ${packed}`)
    return status[0] as PickRefusal
  }
  const reason = REASONS[packed % 16]
  if (reason === undefined) throw new RangeError(`a pick has reason ${packed % 16}`)
  return { handle: Math.floor(packed / 2 ** 20), backend: Math.floor(packed / 16) % 2 ** 16, reason }
}

/** A pick that must find a seat. */
export function pick(pool: NativePool, address: string | undefined): Picked {
  const picked = unpack(pool.pick(address))
  if (typeof picked === 'string') throw new Error(`the pick of ${address} was refused: ${picked}`)
  return picked
}

/** Numbers of each backend that the native pool gives. */
const FIGURES = 5

/** Live sessions by backend index. */
export function loads(pool: NativePool, count: number): number[] {
  const rows = new Float64Array(count * FIGURES)
  pool.readBackends(rows)
  return Array.from({ length: count }, (_, i) => rows[i * FIGURES] ?? 0)
}

export interface Gauges {
  entries: number
  capacity: number
  bytes: number
  seats: number
  outstanding: number
}

export function gauges(pool: NativePool): Gauges {
  const values = new Float64Array(6)
  pool.gauges(values)
  const [entries = 0, capacity = 0, bytes = 0, seats = 0, , outstanding = 0] = values
  return { entries, capacity, bytes, seats, outstanding }
}
