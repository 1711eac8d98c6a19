import { listNames, nearestName, quote } from '../../config/text.ts'
import type { PoolStats } from '../../index.ts'
import { visible } from '../../visible.ts'
import { UsageError } from '../cli-error.ts'
import type { AdminClient } from './client.ts'
import { RefusedError } from './failures.ts'

/** A pool as the running process tells it. */
export type NamedPool = PoolStats & { name: string }

/** The pool of `--pool`, or the only one; says what there is if that is none. */
export function choose<T extends { name: string }>(pools: readonly T[], name: string | undefined): T {
  const known = pools.map(pool => visible(pool.name)).join(', ')
  if (name === undefined) {
    const [first, second] = pools
    if (first !== undefined && second === undefined) return first
    throw new UsageError(`there are ${pools.length} pools: choose one with --pool (${known})`)
  }
  const found = pools.find(pool => pool.name === name)
  if (found !== undefined) return found
  const nearest = nearestName(
    name,
    pools.map(pool => pool.name),
  )
  const meant = nearest === undefined ? `there is ${known}` : `did you mean ${visible(nearest)}?`
  throw new UsageError(`there is no pool ${quote(name)}; ${meant}`)
}

/** Asks for the pool of `--pool`, or the only one. */
export async function askPool(client: AdminClient, name: string | undefined): Promise<NamedPool> {
  const { pools } = await client.get<{ pools: NamedPool[] }>('/v1/pools')
  return choose(pools, name)
}

export function poolPath(pool: string): string {
  return `/v1/pools/${encodeURIComponent(pool)}`
}

export function backendPath(pool: string, backend: string): string {
  return `${poolPath(pool)}/backends/${encodeURIComponent(backend)}`
}

/** Does what is about backends by name; where there is no such backend, says which one was probably meant. */
export async function naming<T>(pool: NamedPool, names: readonly string[], ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof RefusedError) || error.code !== 'LIMPET_ERR_UNKNOWN_BACKEND') throw error
    throw new RefusedError(`${error.message}${meantText(pool.backends, names)}`, error.exitCode, error)
  }
}

/** The end of a sentence about backends that are not all there. */
export function meantText(backends: readonly { name: string }[], names: readonly string[]): string {
  const known = backends.map(({ name }) => name)
  const wrong = names.find(name => !known.includes(name))
  const nearest = wrong === undefined ? undefined : nearestName(wrong, known)
  if (nearest !== undefined) return `; did you mean ${visible(nearest)}?`
  return known.length === 0 ? '; it has none' : `; there is ${visible(listNames(known))}`
}
