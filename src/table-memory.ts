import { LimpetError, type LimpetErrorDetails } from './errors.ts'

/**
 * Makes what has a stick table, for which the native side throws a `RangeError` where there is no memory.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_NO_MEMORY`
 */
export function withTableMemory<T>(size: number, make: () => T, details: LimpetErrorDetails = {}): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    const text = `no memory for a stick table of ${size} entries (23 bytes each): make its size smaller`
    throw new LimpetError('LIMPET_ERR_NO_MEMORY', text, { ...details, cause })
  }
}
