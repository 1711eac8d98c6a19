import { argumentTypeError } from './errors.ts'

/** Checks that options, or settings, are an object; a default has already taken the place of `undefined` where they may be left out. */
export function optionsArgument<T extends object>(name: string, options: T): T {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options
  throw argumentTypeError(name, 'an object', options)
}

/** Checks a function that may be left out. */
export function functionArgument<T extends (...values: never[]) => unknown>(
  name: string,
  value: T | undefined,
): T | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw argumentTypeError(name, 'a function', value)
}

/** Checks a signal before anything is begun that it could abort. */
export function signalArgument(name: string, signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw argumentTypeError(name, 'an AbortSignal', signal)
}
