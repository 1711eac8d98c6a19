import { LimpetError } from '../../errors.ts'
import { MOST_CHARACTERS } from './record.ts'

const FORGET = 'limpet backends forget makes the backends those of the configuration again, at all balancers'

/** @param isUnknown - whether the change may have been made all the same */
export function storeAway(pool: string, reason: string, isUnknown: boolean, cause?: unknown): LimpetError {
  const outcome = isUnknown
    ? 'whether the change was made is known when it is back'
    : 'nothing was changed; --local (local: true) changes it here only'
  const message = `the store of the cluster cannot be used (${reason}): ${outcome}`
  return new LimpetError('LIMPET_ERR_CLUSTER_AWAY', message, { pool, cause })
}

export function otherVersion(pool: string, wanted: number, version: number): LimpetError {
  const message = `the shared roster of the pool ${pool} has the version ${version}, and the change is for ${wanted}: nothing was changed`
  return new LimpetError('LIMPET_ERR_ROSTER_VERSION', message, { pool })
}

/** A version was asked for, and backends are changed at this balancer only. */
export function noVersion(pool: string): LimpetError {
  const message = `what is changed of the pool ${pool} at this balancer only has no version: nothing was changed`
  return new LimpetError('LIMPET_ERR_ROSTER_VERSION', message, { pool })
}

export function contended(pool: string): LimpetError {
  const message = `other balancers change the shared roster of the pool ${pool} all the time: nothing was changed`
  return new LimpetError('LIMPET_ERR_ROSTER_VERSION', message, { pool })
}

export function damaged(pool: string, reason: string): LimpetError {
  const message = `the shared roster of the pool ${pool} cannot be read (${reason}): ${FORGET}`
  return new LimpetError('LIMPET_ERR_ROSTER_REFUSED', message, { pool })
}

export function unfit(pool: string, cause: Error): LimpetError {
  const message = `the shared roster of the pool ${pool} does not fit this configuration (${cause.message}): ${FORGET}`
  return new LimpetError('LIMPET_ERR_ROSTER_REFUSED', message, { pool, cause })
}

/** The overlay would be too long for others to read. */
export function tooLarge(pool: string): LimpetError {
  const message = `the shared roster of the pool ${pool} would have more than ${MOST_CHARACTERS} characters`
  return new LimpetError('LIMPET_ERR_TOO_MANY_BACKENDS', message, { pool })
}

/** Backends of all balancers cannot be changed by a method that returns at once. */
export function sharedRoster(pool: string): LimpetError {
  const message = `the backends of the pool ${pool} are those of all balancers (cluster.membership): change them by pool.roster`
  return new LimpetError('LIMPET_ERR_ROSTER_SHARED', message, { pool })
}

/** There is nothing that this could be done with. */
export function notShared(pool: string): LimpetError {
  const message = `the pool ${pool} has no shared roster (cluster.membership is local)`
  return new LimpetError('LIMPET_ERR_UNSUPPORTED', message, { pool })
}
