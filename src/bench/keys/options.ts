import type { RelayLoadOptions } from '../relay/options.ts'
import { KEY_KINDS } from './kinds.ts'

/** The ids of `--kinds`, in the order of tables. */
export const KEY_KIND_IDS: readonly string[] = KEY_KINDS.map(({ id }) => id)

/** Options of `bench keys`. */
export interface KeysBenchOptions extends Omit<RelayLoadOptions, 'haproxy' | 'nginx'> {
  /** Default: all. */
  kinds?: readonly string[] | undefined
}
