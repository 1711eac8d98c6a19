import type { BackendInfo, PoolStats } from '../../index.ts'
import type { AdminClient } from './client.ts'

/** c of each pool's bound, by name; a pool without one is absent. */
export type BoundFactors = ReadonlyMap<string, number>

interface Settings {
  pools?: Record<string, { boundedLoad?: number | 'off' | { factor?: number } }>
}

/** Asks for the settings in force. */
export async function askBounds(client: AdminClient): Promise<BoundFactors> {
  const { pools = {} } = await client.get<Settings>('/v1/config')
  const factors = Object.entries(pools).flatMap(([name, { boundedLoad }]): [string, number][] => {
    const factor = typeof boundedLoad === 'object' ? boundedLoad.factor : boundedLoad
    return typeof factor === 'number' ? [[name, factor]] : []
  })
  return new Map(factors)
}

/** Most sessions that each backend would get with the next new client, by name: `max(1, ceil(c·(m+1)·w/W))`. */
export function boundsOf(pool: PoolStats, factor: number): Map<string, number> {
  const candidates = candidatesOf(pool)
  const weights = candidates.reduce((sum, { weight }) => sum + weight, 0)
  const sessions = candidates.reduce((sum, backend) => sum + backend.sessions, 0)
  // In thousandths, as the core has it: as a double, 1.1 · 50 rounds up to 56.
  const milli = Math.round(factor * 1000)
  return new Map(
    candidates.map(({ name, weight }) => [
      name,
      Math.max(1, Math.ceil((milli * (sessions + 1) * weight) / (1000 * weights))),
    ]),
  )
}

/** Whether new clients may come to it. `isFailOpen`: whatever checks say. */
function isReady({ state, weight, health }: BackendInfo, isFailOpen: boolean): boolean {
  return state === 'ready' && weight > 0 && (isFailOpen || health?.status !== 'down')
}

/** Those that new clients may come to, and that have room. Backups only where nobody else may have any. */
function candidatesOf({ backends, isFailOpen }: PoolStats): BackendInfo[] {
  const ready = backends.filter(backend => isReady(backend, isFailOpen))
  const primaries = ready.filter(({ backup }) => !backup)
  const serving = primaries.length > 0 ? primaries : ready
  return serving.filter(({ maxSessions, sessions }) => maxSessions === 0 || sessions < maxSessions)
}
