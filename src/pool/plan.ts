import { optionsArgument } from '../arguments.ts'
import type { BackendChanges, BackendOptions, ReturnHome } from '../config/options.ts'
import { resolvePlan } from '../config/resolve.ts'
import type { ResolvedBackend } from '../config/resolved.ts'
import { LIMITS } from '../config/schema.ts'
import { integer } from '../core/arguments.ts'
import { PLACEMENT_SLOTS } from '../native.ts'
import type { PoolCore } from './core.ts'
import { changedBackend } from './membership.ts'
import { backendExists, checkRing, tooManyBackends, unknownBackend } from './refusals.ts'

/** Changes of backends to plan. Those of `remove` are thought to be made first, then those of `update`, then `add`. */
export interface PlanChange {
  /** Backends that are not there yet. */
  add?: readonly BackendOptions[] | undefined
  /** Names of backends. */
  remove?: readonly string[] | undefined
  /** By the name of the backend. */
  update?: Readonly<Record<string, BackendChanges>> | undefined
}

/** How a plan is made. */
export interface PlanOptions {
  /**
   * About how long it may take, in milliseconds, 1 to 600,000; nothing else runs on this thread meanwhile. More time: more
   * places of a large pool.
   * @defaultValue 50
   */
  timeMs?: number | undefined
}

/** What a change of backends would do; nothing was changed to find that out. */
export interface Plan {
  /** Share of the key space that would get another home, 0 to 1. */
  homesMoved: number
  /** Places of the key space that were looked at, evenly spread; shares are parts of them. */
  sample: number
  /** Whether these are all places that there are: shares are exact then, and else about 1/√sample off. */
  isExact: boolean
  /**
   * Pins whose clients would go elsewhere: those to backends that are removed, or serve nobody after the change. Counted
   * up to some 1,200,000 entries of a stick table, estimated from a part of a larger one.
   */
  pinsMoved: number
  /** Sessions on those backends now. They go on; their clients go elsewhere with their next connection. */
  sessionsMoved: number
  /** The pool's rule: unless it is `never`, clients that were sent elsewhere go home again, and are counted nowhere here. */
  returnHome: ReturnHome
  /** Shares of the key space, of all backends before or after the change. */
  backends: PlannedBackend[]
  /** What moves between whom, the largest first. */
  moves: PlannedMove[]
}

/** Shares of one backend. */
export interface PlannedBackend {
  name: string
  /** 0: it is not there yet, or has no weight. */
  before: number
  /** 0: it is removed, or has no weight. */
  after: number
}

/** A part of the key space that gets another home. */
export interface PlannedMove {
  /** Name of the backend; null: there was no home. */
  from: string | null
  /** Name of the backend; null: there would be no home. */
  to: string | null
  share: number
}

const TIME_MS = 50
const MOST_TIME_MS = 600_000
/** What is computed in a millisecond, in mixes of a number, about a nanosecond each with what belongs to them. */
export const MIXES_PER_MS = 2 ** 25 / 50
/** What finding a place's home costs beside a mix for each backend; and for each distinct weight a logarithm. */
const MIXES_PER_PLACE = 4
const MIXES_PER_LOGARITHM = 8
/** A search among the points of a ring. */
const MIXES_PER_SEARCH = 128
/** What is read of the stick table, 32 MiB in some 10 ms: all of one of the usual size. */
const MOST_BUCKETS = 2 ** 18
const NO_HOME = 0xffff

/**
 * What a change would move.
 *
 * @param check - throws for a backend that cannot be taken
 */
export function planOf(
  core: PoolCore,
  change: PlanChange,
  options: PlanOptions,
  check: (backend: ResolvedBackend) => void,
): Plan {
  core.assertOpen()
  const { timeMs = TIME_MS } = optionsArgument('options', options)
  integer('timeMs', timeMs, 1, MOST_TIME_MS)
  const before = backendsOf(core)
  const after = backendsAfter(core, change, check)
  if (after.size > LIMITS.backends) throw tooManyBackends(core.name)
  checkRing(core.settings, after.values())
  const homes = homesMoved(core, before, after, timeMs * MIXES_PER_MS)
  const [servedBefore, servesAfter] = [serversOf(before), serversOf(after)]
  const lost = [...before.values()].filter(({ name }) => servedBefore(name) && !servesAfter(name))
  return { ...homes, ...clientsMoved(core, lost), returnHome: core.settings.returnHome }
}

function backendsOf(core: PoolCore): Map<string, ResolvedBackend> {
  return new Map([...core.backends()].map(backend => [backend.name, backend]))
}

/**
 * The backends as they would be.
 *
 * @param check - throws for a backend that cannot be taken
 */
export function backendsAfter(
  core: PoolCore,
  change: PlanChange,
  check: (backend: ResolvedBackend) => void,
): Map<string, ResolvedBackend> {
  const { add, remove, update } = resolvePlan(change)
  const backends = backendsOf(core)
  for (const name of remove) {
    if (!backends.delete(name)) throw unknownBackend(core.name, name)
  }
  for (const [name, changes] of Object.entries(update)) {
    const known = backends.get(name)
    if (known === undefined) throw unknownBackend(core.name, name)
    const next = changedBackend(known, changes)
    check(next)
    backends.set(name, next)
  }
  for (const backend of add) {
    if (backends.has(backend.name)) throw backendExists(core.name, backend.name)
    check(backend)
    backends.set(backend.name, backend)
  }
  return backends
}

/** Whether clients that are pinned to a backend are sent to it, as far as it is known. */
export function serversOf(backends: ReadonlyMap<string, ResolvedBackend>): (name: string) => boolean {
  const hasPrimary = [...backends.values()].some(one => !one.backup && one.weight > 0 && one.state === 'ready')
  return name => {
    const backend = backends.get(name)
    if (backend === undefined || (backend.backup && hasPrimary)) return false
    return backend.state === 'ready' || backend.state === 'drain'
  }
}

/** The weight in the placement of homes; nobody is at home at a backup. */
export function placementWeight(backend: Pick<ResolvedBackend, 'weight' | 'backup'> | undefined): number {
  return backend === undefined || backend.backup ? 0 : backend.weight
}

/** Places by home, and by what they were and will be: two indexes in one number. */
interface MoveCounts {
  before: Uint32Array
  after: Uint32Array
  moves: Map<number, number>
  moved: number
}

export function homesMoved(
  core: PoolCore,
  before: ReadonlyMap<string, ResolvedBackend>,
  after: ReadonlyMap<string, ResolvedBackend>,
  mixes: number,
): Pick<Plan, 'homesMoved' | 'sample' | 'isExact' | 'backends' | 'moves'> {
  const names = [...new Set([...before.keys(), ...after.keys()])]
  const weightsIn = (backends: ReadonlyMap<string, ResolvedBackend>): Uint32Array =>
    Uint32Array.from(names, name => placementWeight(backends.get(name)))
  const [old, next] = [weightsIn(before), weightsIn(after)]
  const sample = Math.min(sampleFor(core, old, mixes), sampleFor(core, next, mixes))
  const placement = core.placementOf(names, old)
  // First: the second computes only what the first does not tell.
  const from = placement.homes(sample)
  const to = core.placementOf(names, next, placement).homes(sample)
  const counted = countMoves(from, to)
  const nameOf = (index: number): string | null => (index === NO_HOME ? null : (names[index] ?? null))
  const moves = [...counted.moves]
    .map(([pair, places]) => ({ from: nameOf(pair >>> 16), to: nameOf(pair & NO_HOME), share: places / sample }))
    .sort((left, right) => right.share - left.share)
  return {
    homesMoved: counted.moved / sample,
    sample,
    isExact: core.settings.placement === 'rendezvous' && sample === PLACEMENT_SLOTS,
    backends: names.map((name, index) => ({
      name,
      before: (counted.before[index] ?? 0) / sample,
      after: (counted.after[index] ?? 0) / sample,
    })),
    moves,
  }
}

/** How many places can be looked at for so many mixes. */
function sampleFor(core: PoolCore, weights: Uint32Array, mixes: number): number {
  const members = weights.filter(weight => weight > 0)
  const pass = members.length + MIXES_PER_LOGARITHM * new Set(members).size
  const perPlace = MIXES_PER_PLACE + (core.settings.placement === 'ring' ? MIXES_PER_SEARCH : pass)
  return Math.min(PLACEMENT_SLOTS, Math.max(1, Math.floor(mixes / perPlace)))
}

function countMoves(from: Uint16Array, to: Uint16Array): MoveCounts {
  const [before, after] = [new Uint32Array(NO_HOME + 1), new Uint32Array(NO_HOME + 1)]
  const moves = new Map<number, number>()
  let moved = 0
  for (let place = 0; place < from.length; place++) {
    const [old = NO_HOME, next = NO_HOME] = [from[place], to[place]]
    before[old] = (before[old] ?? 0) + 1
    after[next] = (after[next] ?? 0) + 1
    if (old === next) continue
    moved++
    const pair = ((old << 16) | next) >>> 0
    moves.set(pair, (moves.get(pair) ?? 0) + 1)
  }
  return { before, after, moves, moved }
}

function clientsMoved(core: PoolCore, lost: readonly ResolvedBackend[]): Pick<Plan, 'pinsMoved' | 'sessionsMoved'> {
  if (lost.length === 0) return { pinsMoved: 0, sessionsMoved: 0 }
  const figures = core.figures()
  const sessionsMoved = lost.reduce((sum, { name }) => sum + figures(name).sessions, 0)
  const names = lost.map(({ name }) => name)
  return { pinsMoved: pinsTo(core, names, MOST_BUCKETS), sessionsMoved }
}

/** Pins to these backends, estimated from so many buckets of the table if it has more. */
export function pinsTo(core: PoolCore, names: readonly string[], mostBuckets: number): number {
  const pins = core.pins(mostBuckets)
  return Math.round(names.reduce((sum, name) => sum + pins(name), 0))
}
