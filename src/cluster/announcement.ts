import { z } from 'zod'
import { LIMITS } from '../config/schema.ts'
import { NativeBackendState } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import { placementWeight } from '../pool/plan.ts'

/** What of a backend homes depend on. */
export interface Member {
  name: string
  weight: number
  backup: boolean
}

/** What the members of a pool will be. */
export interface Announcement {
  pool: string
  /** The pool's digest with these members: whoever has it holds them already. */
  id: string
  /** By name. Those without weight are members, too: clients may be pinned to them. */
  members: readonly Member[]
}

const MOST_WEIGHT = 65_535
const MOST_NAME = 1000

const membersSchema = z
  .array(z.tuple([z.string().min(1).max(MOST_NAME), z.int().min(0).max(MOST_WEIGHT), z.union([z.literal(0), z.literal(1)])]))
  .max(LIMITS.backends)

/** Undefined: the change moves no home that anybody is at, and needs not be announced. */
export function announcementOf(core: PoolCore, next: Iterable<Member>): Announcement | undefined {
  const members = membersOf(next)
  return movesHomes(core, members) ? { pool: core.name, id: core.digestWith(members), members } : undefined
}

/** Of backends, by name. */
export function membersOf(backends: Iterable<Member>): Member[] {
  return [...backends]
    .map(({ name, weight, backup }) => ({ name, weight, backup }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
}

export function writeMembers(members: readonly Member[]): string {
  return JSON.stringify(members.map(({ name, weight, backup }) => [name, weight, Number(backup)]))
}

/** Undefined: it is none that this version writes. */
export function readMembers(text: string): Member[] | undefined {
  const read = membersSchema.safeParse(parsed(text))
  if (!read.success) return undefined
  const members = read.data.map(([name, weight, backup]) => ({ name, weight, backup: backup === 1 }))
  return new Set(members.map(({ name }) => name)).size === members.length ? members : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What is no JSON has no members.
    return undefined
  }
}

/** Clients of a backend that serves nobody are elsewhere already, where they are without it, too. */
function movesHomes(core: PoolCore, next: readonly Member[]): boolean {
  const after = weightsOf(next)
  const names = new Set(next.map(({ name }) => name))
  const before = weightsOf(
    [...core.backends()].filter(({ name }) => names.has(name) || core.servedAs(name) !== NativeBackendState.down),
  )
  return before.size !== after.size || [...after].some(([name, weight]) => before.get(name) !== weight)
}

function weightsOf(members: readonly Member[]): Map<string, number> {
  const weights = new Map<string, number>()
  for (const member of members) {
    const weight = placementWeight(member)
    if (weight > 0) weights.set(member.name, weight)
  }
  return weights
}
