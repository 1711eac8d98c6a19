import { discoveryText } from '../config/discovery.ts'
import type { ResolvedBackend, ResolvedPool } from '../config/resolved.ts'
import { ringRefusal } from '../config/ring.ts'
import { LIMITS } from '../config/schema.ts'
import { LimpetConfigError, LimpetError } from '../errors.ts'

export function unknownBackend(pool: string, backend: string): LimpetError {
  const message = `the pool ${pool} has no backend ${JSON.stringify(backend)}`
  return new LimpetError('LIMPET_ERR_UNKNOWN_BACKEND', message, { pool, backend })
}

export function backendExists(pool: string, backend: string): LimpetError {
  return new LimpetError('LIMPET_ERR_BACKEND_EXISTS', `the pool ${pool} already has a backend ${backend}`, {
    pool,
    backend,
  })
}

export function tooManyBackends(pool: string, backend?: string): LimpetError {
  const message = `the pool ${pool} cannot hold more backends: ${LIMITS.backends}, and those removed whose sessions go on`
  return new LimpetError('LIMPET_ERR_TOO_MANY_BACKENDS', message, { pool, backend })
}

export function noTable(pool: string): LimpetError {
  return new LimpetError('LIMPET_ERR_NO_TABLE', `the pool ${pool} has no stick table (stickTable: off)`, { pool })
}

/** Throws if the backends of the pool are found: what is changed here would be gone with the next answer. */
export function refuseDiscovered({ name, discovery }: ResolvedPool, backend: string): void {
  if (discovery === undefined) return
  const where = discoveryText(discovery)
  const message = `the backends of the pool ${name} are found (${where}): they are added, removed and moved there`
  throw new LimpetError('LIMPET_ERR_DISCOVERED', message, { pool: name, backend })
}

/** Throws a {@link LimpetConfigError} if these backends have too much weight for the ring of the pool, if it is one. */
export function checkRing({ placement }: ResolvedPool, backends: Iterable<ResolvedBackend>): void {
  const refusal = placement === 'ring' ? ringRefusal(backends) : undefined
  if (refusal === undefined) return
  const { message, accepted } = refusal
  throw new LimpetConfigError([{ path: 'weight', message, accepted, code: 'LIMPET_ERR_CONFIG' }])
}
