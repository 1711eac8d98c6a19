import { type DurationRange, readDuration } from '../config/duration.ts'
import type { Duration } from '../config/options.ts'
import { argumentRangeError, argumentTypeError, LimpetError } from '../errors.ts'

/** Longest byte string that may be a key; that of `native/core/affinity_key.h`. */
const MOST_KEY_BYTES = 64 * 1024

/** Checks a whole number. */
export function integer(name: string, value: number, min: number, max: number): number {
  if (typeof value !== 'number') throw argumentTypeError(name, 'a number', value)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw argumentRangeError(name, `a whole number from ${min} to ${max}`, value)
  }
  return value
}

/** Checks the kind and the length of a key; whether text is an address is for the native core to say. */
export function keyArgument(key: string | Uint8Array): string | Uint8Array {
  if (typeof key === 'string') return key
  if (!(key instanceof Uint8Array)) throw argumentTypeError('key', 'an IP address as a string, or a Uint8Array', key)
  integer('key.byteLength', key.byteLength, 1, MOST_KEY_BYTES)
  return key
}

export function notAnAddress(key: string | Uint8Array): LimpetError {
  return new LimpetError('LIMPET_ERR_BAD_ADDRESS', `${JSON.stringify(key)} is not an IP address`, {
    address: String(key),
  })
}

/** A duration in milliseconds. */
export function durationArgument(name: string, value: Duration, range: DurationRange): number {
  if (typeof value !== 'number' && typeof value !== 'string') {
    throw argumentTypeError(name, 'a number or a string', value)
  }
  const read = readDuration(value, range, 'options')
  if ('value' in read) return read.value
  throw argumentRangeError(name, read.refusal.accepted ?? 'a duration', value)
}
