import type { PoolCore } from '../../pool/core.ts'
import { parsed } from '../json.ts'
import type { StoreLink } from '../store/link.ts'
import { BEAT, runScript } from '../store/scripts.ts'
import type { StoreKeys } from '../store/store-keys.ts'
import { LIVE_MS } from './members.ts'

/** Bytes of what a member says; what is longer is taken for nothing. Twenty thousand backends have less. */
const LONGEST_LOADS = 500_000
/** Who says nothing is believed for so long that two lost beats move nobody, and then has no sessions. */
const FORGET_MS = LIVE_MS

/** Sessions by backend, by pool. */
type Loads = Record<string, [backend: string, sessions: number][]>

/**
 * Sessions of each balancer on each backend, which all tell each other once a second, for pools whose bound is over all of
 * them (`boundedLoad.scope: cluster`). A bound counts those of this balancer exactly, and those of others as last told.
 */
export class SharedLoads {
  readonly #cores: ReadonlyMap<string, PoolCore>
  readonly #id: string
  readonly #isReplaced: () => boolean
  /** When others were heard last, by the monotonic clock. */
  #heardAt = 0

  /** @param isReplaced - whether the sessions here are told by the process that takes the place of this one */
  constructor(cores: ReadonlyMap<string, PoolCore>, id: string, isReplaced: () => boolean) {
    this.#cores = cores
    this.#id = id
    this.#isReplaced = isReplaced
  }

  async beat(link: StoreLink, keys: StoreKeys): Promise<void> {
    const pools = [...this.#cores.values()].filter(({ settings }) => settings.boundScope === 'cluster')
    if (pools.length === 0) return
    const here: Loads = this.#isReplaced() ? {} : Object.fromEntries(pools.map(core => [core.name, core.peers.local()]))
    const values = [this.#id, JSON.stringify(here), FORGET_MS, LONGEST_LOADS]
    const all = (await runScript(link, BEAT, [keys.loads], values)) as Said[]
    const others = all.filter(([id]) => id !== this.#id).map(([, , text]) => readLoads(text))
    this.#heardAt = performance.now()
    for (const core of pools) if (!core.isClosed) core.peers.set(sumOf(others.flatMap(loads => loads[core.name] ?? [])))
  }

  /** Nobody is heard. What others told counts for as long as that of one who says nothing any more. */
  away(): void {
    if (performance.now() - this.#heardAt < FORGET_MS) return
    for (const core of this.#cores.values()) if (!core.isClosed) core.peers.set(new Map())
  }
}

type Said = [id: string, ageMs: number, text: string]

function sumOf(loads: Iterable<[string, number]>): Map<string, number> {
  const sums = new Map<string, number>()
  for (const [backend, sessions] of loads) sums.set(backend, (sums.get(backend) ?? 0) + sessions)
  return sums
}

/** Nothing of what is no number of sessions. */
function readLoads(text: string): Loads {
  const loads: Loads = Object.create(null)
  for (const [pool, backends] of Object.entries(parsed(text) ?? {})) {
    if (!Array.isArray(backends)) continue
    loads[pool] = backends.filter(
      (entry): entry is [string, number] =>
        Array.isArray(entry) && typeof entry[0] === 'string' && Number.isSafeInteger(entry[1]) && entry[1] >= 0,
    )
  }
  return loads
}
