import { NativeBackendState } from '../native.ts'
import type { PoolCore } from './core.ts'

/**
 * Whether a backend serves those who are its already, as `serves_pins()` of native/core/roster.h. A backup serves only while no
 * other backend takes new clients.
 */
export function servesPins(core: Pick<PoolCore, 'servedAs' | 'backend' | 'servers'>, name: string): boolean {
  if (core.servedAs(name) === NativeBackendState.down) return false
  return (
    core.backend(name)?.backup !== true || ![...core.servers()].some(other => core.backend(other)?.backup === false)
  )
}
