import type { ResolvedBackend } from '../config/resolved.ts'
import { RING_POINTS } from '../config/schema.ts'
import type { PoolCore } from './core.ts'
import { homesMoved, MIXES_PER_MS, pinsTo, placementWeight, serversOf } from './plan.ts'

/** What changes of backends have moved. */
export interface MovedClients {
  /** When, in milliseconds since the epoch. */
  time: number
  /** Share of the key space that got another home, 0 to 1. */
  homesMoved: number
  /** Places of the key space that were looked at, evenly spread. */
  sample: number
  /** Whether these are all places that there are: the share is exact then, and else about 1/√sample off. */
  isExact: boolean
  /** Pins to backends that were removed, or serve nobody any more; estimated from a part of a large table. */
  pinsMoved: number
}

type Backends = ReadonlyMap<string, ResolvedBackend>

/** Less than a plan takes: nobody has asked. */
const TIME_MS = 10
/** Read before the change, for about as long as that takes. */
const MOST_BUCKETS = 2 ** 14
/** Points of a ring that is made to be looked at. */
const MOST_POINTS = 2 ** 18

/** Finds out what each change of backends has moved, after it was made; changes of one turn of the event loop are one. */
export class Moves {
  /** The last change that moved any. */
  last: MovedClients | undefined
  onMoved: (moved: MovedClients) => void = () => undefined
  readonly #core: PoolCore
  /** Before the changes that are not told yet. */
  #before: Backends | undefined
  #pins = 0

  constructor(core: PoolCore) {
    this.#core = core
  }

  /** Just before a change is published: who loses its clients still has its pins. */
  note(before: Backends, after: Backends): void {
    // Nobody has a home that could move.
    if (before.size === 0) return
    const isMoved = [...before.keys(), ...after.keys()].some(
      name => placementWeight(before.get(name)) !== placementWeight(after.get(name)),
    )
    const [served, serves] = [serversOf(before), serversOf(after)]
    const lost = [...before.keys()].filter(name => served(name) && !serves(name))
    if (!isMoved && lost.length === 0) return
    this.#pins += lost.length === 0 ? 0 : pinsTo(this.#core, lost, MOST_BUCKETS)
    if (this.#before !== undefined) return
    this.#before = before
    setImmediate(() => this.#tell())
  }

  #tell(): void {
    const [core, before, pinsMoved] = [this.#core, this.#before, this.#pins]
    this.#before = undefined
    this.#pins = 0
    if (core.isClosed || before === undefined) return
    const after = new Map([...core.backends()].map(backend => [backend.name, backend]))
    if (!isSmall(core, before) || !isSmall(core, after)) return
    const { homesMoved: moved, sample, isExact } = homesMoved(core, before, after, TIME_MS * MIXES_PER_MS)
    this.last = { time: Date.now(), homesMoved: moved, sample, isExact, pinsMoved }
    this.onMoved(this.last)
  }
}

/** Making a large ring takes longer than anybody should wait for a figure. */
function isSmall({ settings }: PoolCore, backends: Backends): boolean {
  if (settings.placement !== 'ring') return true
  const weights = [...backends.values()].reduce((sum, backend) => sum + placementWeight(backend), 0)
  return weights * RING_POINTS <= MOST_POINTS
}
