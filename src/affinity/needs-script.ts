import type { ResolvedKey } from '../config/resolved.ts'

/** Whether keys are made by code, which runs in the main thread: there clients are accepted, too. */
export function needsScript(keys: readonly ResolvedKey[]): boolean {
  return keys.some(key => typeof key !== 'string')
}
