import { z } from 'zod'
import { LIMITS } from '../../config/schema.ts'
import { NativeBackendState } from '../../native.ts'
import type { PoolCore } from '../../pool/core.ts'
import { placementWeight } from '../../pool/plan.ts'
import { parsed } from '../json.ts'

/** What of a backend homes depend on. */
export interface HomeBackend {
  name: string
  weight: number
  backup: boolean
}

/** What the backends of a pool will be. */
export interface Announcement {
  pool: string
  /** The pool's digest with these backends: whoever has it holds them already. */
  id: string
  /** By name. Those without weight are backends, too: clients may be pinned to them. */
  backends: readonly HomeBackend[]
}

/** More than as many backends as there may be take. */
const LONGEST = 16 * 1024 * 1024
const MOST_WEIGHT = 65_535
const MOST_NAME = 1000

const backendsSchema = z
  .array(
    z.tuple([z.string().min(1).max(MOST_NAME), z.int().min(0).max(MOST_WEIGHT), z.union([z.literal(0), z.literal(1)])]),
  )
  .max(LIMITS.backends)

/** Undefined: the change moves no home that anybody is at, and needs not be announced. */
export function announcementOf(core: PoolCore, next: Iterable<HomeBackend>): Announcement | undefined {
  const backends = homeBackends(next)
  return movesHomes(core, backends) ? { pool: core.name, id: core.digestWith(backends), backends } : undefined
}

/** What the pool has already: of one that starts while others have something else. */
export function presentOf(core: PoolCore): Announcement {
  return { pool: core.name, id: core.digest, backends: homeBackends(core.backends()) }
}

/** Of backends, by name. */
export function homeBackends(backends: Iterable<HomeBackend>): HomeBackend[] {
  return [...backends]
    .map(({ name, weight, backup }) => ({ name, weight, backup }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
}

export function writeBackends(backends: readonly HomeBackend[]): string {
  return JSON.stringify(backends.map(({ name, weight, backup }) => [name, weight, Number(backup)]))
}

/** Undefined: it is none that this version writes. */
export function readBackends(text: string): HomeBackend[] | undefined {
  const read = backendsSchema.safeParse(text.length > LONGEST ? undefined : parsed(text))
  if (!read.success) return undefined
  const backends = read.data.map(([name, weight, backup]) => ({ name, weight, backup: backup === 1 }))
  return new Set(backends.map(({ name }) => name)).size === backends.length ? backends : undefined
}

/** Clients of a backend that serves nobody are elsewhere already, where they are without it, too. */
function movesHomes(core: PoolCore, next: readonly HomeBackend[]): boolean {
  const after = weightsOf(next)
  const names = new Set(next.map(({ name }) => name))
  const before = weightsOf(
    [...core.backends()].filter(({ name }) => names.has(name) || core.servedAs(name) !== NativeBackendState.down),
  )
  return before.size !== after.size || [...after].some(([name, weight]) => before.get(name) !== weight)
}

function weightsOf(backends: readonly HomeBackend[]): Map<string, number> {
  const weights = new Map<string, number>()
  for (const member of backends) {
    const weight = placementWeight(member)
    if (weight > 0) weights.set(member.name, weight)
  }
  return weights
}
