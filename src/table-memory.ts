import { LimpetError, type LimpetErrorDetails, type SystemError, systemError } from './errors.ts'

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

/**
 * Makes what has a stick table in a file, for which the native side throws an error with `errno` where it cannot be had.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_TABLE_FILE`, `LIMPET_ERR_TABLE_FILE_IN_USE`
 */
export function withTableFile<T>(path: string | undefined, make: () => T, details: LimpetErrorDetails = {}): T {
  try {
    return make()
  } catch (cause) {
    const { errno } = cause as { errno?: unknown }
    if (path === undefined || typeof errno !== 'number') throw cause
    const error = systemError(errno, 'open', { address: path, cause })
    throw tableFileError(path, error, details)
  }
}

function tableFileError(path: string, cause: SystemError, details: LimpetErrorDetails): LimpetError {
  const more = { ...details, path, cause }
  if (cause.code === 'EAGAIN') {
    const text = `the stick table's file ${path} is in use: another process, or another pool, has it`
    return new LimpetError('LIMPET_ERR_TABLE_FILE_IN_USE', text, more)
  }
  return new LimpetError('LIMPET_ERR_TABLE_FILE', `the stick table's file ${path} cannot be had: ${cause.code}`, more)
}
