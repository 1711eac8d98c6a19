import { setImmediate as nextTurn } from 'node:timers/promises'
import { optionsArgument } from '../arguments.ts'
import { integer } from '../core/arguments.ts'
import { KEY_PARTS } from '../native.ts'
import type { PoolCore } from './core.ts'
import { noTable } from './refusals.ts'

/** What of the keys with live sessions is told. */
export interface LiveKeysOptions {
  /**
   * Most of the busiest keys, 0 to 1,000.
   * @defaultValue 10
   */
  top?: number | undefined
}

/** The keys that have live sessions, each of which was looked at once; sessions that come or go meanwhile may be missing. */
export interface LiveKeys {
  /** How many there are. */
  keys: number
  /** Their sessions, on all backends. */
  sessions: number
  /** Those with the most sessions, most first. */
  hottest: HotKey[]
  /** Who of whom is where; no pair twice, and none without a session. */
  places: KeyPlace[]
}

/** A key and its live sessions. */
export interface HotKey {
  /** As {@link PinInfo.key}. */
  key: string
  sessions: number
  /** Name of its home; null: it has none. */
  home: string | null
  /** Where the sessions are, most first. */
  backends: { name: string; sessions: number }[]
}

/** Live sessions on a backend, of keys with one home. */
export interface KeyPlace {
  /** Name of the home; null: there is none. */
  home: string | null
  /** Name of the backend that the sessions are on. */
  backend: string
  sessions: number
}

const USUAL = 10
export const MOST_HOT_KEYS = 1000

export async function liveKeysOf(core: PoolCore, options: LiveKeysOptions): Promise<LiveKeys> {
  const { top = USUAL } = optionsArgument('options', options)
  integer('options.top', top, 0, MOST_HOT_KEYS)
  core.assertOpen()
  if (core.settings.stickTable === undefined) throw noTable(core.name)
  let [keys, hottest] = [0, [] as HotKey[]]
  const places = new Map<string, KeyPlace>()
  for (let part = 0; part < KEY_PARTS; part++) {
    const found = core.native.surveyKeys(part, top)
    keys += found.keys
    const hot = found.hottest.map(({ key, sessions, home, shares }) => ({
      ...{ key, sessions, home: nameOf(core, home) },
      backends: groups(shares, 2)
        .map(([backend = -1, sessions = 0]) => ({ name: core.backendAt(backend).name, sessions }))
        .sort((left, right) => right.sessions - left.sessions),
    }))
    hottest = [...hottest, ...hot].sort((left, right) => right.sessions - left.sessions).slice(0, top)
    for (const [home = -1, backend = -1, sessions = 0] of groups(found.places, 3)) {
      addPlace(places, { home: nameOf(core, home), backend: core.backendAt(backend).name, sessions })
    }
    await nextTurn()
  }
  const all = [...places.values()]
  return { keys, sessions: all.reduce((sum, { sessions }) => sum + sessions, 0), hottest, places: all }
}

function addPlace(places: Map<string, KeyPlace>, place: KeyPlace): void {
  const id = JSON.stringify([place.home, place.backend])
  const known = places.get(id)
  if (known === undefined) places.set(id, place)
  else known.sessions += place.sessions
}

function nameOf(core: PoolCore, index: number): string | null {
  return index < 0 ? null : core.backendAt(index).name
}

/** The numbers, so many at a time. */
function groups(numbers: Float64Array, size: number): number[][] {
  return Array.from({ length: numbers.length / size }, (_, at) => [...numbers.subarray(at * size, (at + 1) * size)])
}
