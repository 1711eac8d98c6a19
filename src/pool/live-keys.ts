import { setImmediate as nextTurn } from 'node:timers/promises'
import { optionsArgument } from '../arguments.ts'
import { integer } from '../core/arguments.ts'
import { KEY_PARTS, type NativeKeys } from '../native.ts'
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
  /** Over so many backends its clients are spread (`affinity.hotKey`); absent: they are not. */
  spread?: number
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
  const spread = new Map<string, HotKey>()
  for (let part = 0; part < KEY_PARTS; part++) {
    const found = core.native.surveyKeys(part, top)
    keys += found.keys
    const hot = found.hottest.map(one => hotKeyOf(core, one))
    for (const part of found.spread) addSpread(spread, hotKeyOf(core, part))
    hottest = [...hottest, ...hot].sort(byFalling).slice(0, top)
    for (const [home = -1, backend = -1, sessions = 0] of groups(found.places, 3)) {
      addPlace(places, { home: nameOf(core, home), backend: core.backendAt(backend).name, sessions })
    }
    await nextTurn()
  }
  const all = [...places.values()]
  keys += spread.size
  const { spread: over } = core.settings.affinity.hotKey ?? { spread: 0 }
  for (const key of spread.values()) key.spread = over
  hottest = [...hottest, ...spread.values()].sort(byFalling).slice(0, top)
  return { keys, sessions: all.reduce((sum, { sessions }) => sum + sessions, 0), hottest, places: all }
}

function hotKeyOf(core: PoolCore, { key, sessions, home, shares }: NativeKeys['hottest'][number]): HotKey {
  const backends = groups(shares, 2).map(([backend = -1, sessions = 0]) => ({
    name: core.backendAt(backend).name,
    sessions,
  }))
  return { key, sessions, home: nameOf(core, home), backends: backends.sort(byFalling) }
}

/** One of its places more. */
function addSpread(spread: Map<string, HotKey>, part: HotKey): void {
  const known = spread.get(part.key)
  if (known === undefined) {
    spread.set(part.key, part)
    return
  }
  known.sessions += part.sessions
  for (const { name, sessions } of part.backends) {
    const same = known.backends.find(backend => backend.name === name)
    if (same === undefined) known.backends.push({ name, sessions })
    else same.sessions += sessions
  }
  known.backends.sort(byFalling)
}

function byFalling(left: { sessions: number }, right: { sessions: number }): number {
  return right.sessions - left.sessions
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
