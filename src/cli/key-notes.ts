import type { ResolvedKey } from '../config/resolved.ts'

/** Sources of keys that say where a client has been: placement does not decide then. */
const NOTES: ReadonlyMap<ResolvedKey, string> = new Map([
  ['tls.sessionId', 'whoever offers a session of TLS that a backend has named goes there (tls.sessionId is learnt)'],
  ['rdp.token', 'whoever has a routing token goes to the backend of its address (rdp.token is not hashed)'],
])

/** What explanations of homes do not tell, in a pool with these sources of keys. */
export function keyNotes(keys: readonly ResolvedKey[]): string[] {
  return keys.flatMap(key => NOTES.get(key) ?? [])
}
