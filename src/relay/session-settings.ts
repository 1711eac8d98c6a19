import type { ResolvedPool } from '../config/resolved.ts'

/** What of its pool's settings a session keeps as it was when it began. */
export type SessionSettings = Pick<ResolvedPool, 'timeouts' | 'retries' | 'sendProxy' | 'source'>

/** Those alone, to be compared. */
export function sessionSettings({ timeouts, retries, sendProxy, source }: SessionSettings): SessionSettings {
  return { timeouts, retries, sendProxy, source }
}
