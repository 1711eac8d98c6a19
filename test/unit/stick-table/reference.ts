import { expect } from 'chai'
import type { NativeStickTable } from '../../../src/native.ts'
import { nthAddress, nthNetwork, Random } from '../../helpers/oracle/random.ts'
import { nativeStickTable } from '../../helpers/oracle/subject.ts'

/** Sets `count` new keys; how many were refused. */
export function fill(table: NativeStickTable, count: number, first = 0): number {
  let refused = 0
  for (let i = first; i < first + count; i++) refused += table.set(nthAddress(i), i % 16_383)
  return refused
}

/** Comes back `visits` times to each of some keys; how many were still there at the last one. */
export function visit(table: NativeStickTable, count: number, visits = 1, first = 0): number {
  let found = 0
  for (let round = 0; round < visits; round++) {
    found = 0
    for (let i = first; i < first + count; i++) if (table.get(nthAddress(i)) === i % 16_383) found++
  }
  return found
}

/** How many of some keys are listed: unlike a visit, this changes nothing. */
export function present(table: NativeStickTable, count: number, first = 0): number {
  const wanted = new Set(Array.from({ length: count }, (_, i) => `${nthAddress(first + i)}/32`))
  let found = 0
  for (let cursor = 0; cursor >= 0; ) {
    const { next, keys } = table.list(cursor, 1000)
    found += keys.filter(key => wanted.has(key)).length
    cursor = next
  }
  return found
}

const TTL_MS = 950_000
// Ages are multiples of this, so that the milliseconds of the test itself never decide whether an entry lives.
const STEP_MS = 100_000

/**
 * Random operations on a table and on a map. While the keys have room the table must say exactly what the map says;
 * when they have not, it may forget, but never tell a wrong value, one that was deleted, or one that expired.
 */
export function compareWithReference(run: { size: number; keys: number; operations: number; seed: number }): void {
  const { size, keys } = run
  const roomy = keys <= size / 2
  const table = nativeStickTable(size, TTL_MS)
  const reference = new Map<string, { value: number; until: number }>()
  const random = new Random(run.seed)
  let now = 0
  let hits = 0
  // Steps of the clock: two for each time that every key had its turn, so that entries are used before they expire.
  const rare = Math.min(2000, 20 * keys)
  const known = (key: string): { value: number; until: number } | undefined => {
    const entry = reference.get(key)
    return entry !== undefined && entry.until > now ? entry : undefined
  }
  for (let i = 0; i < run.operations; i++) {
    const number = random.below(keys)
    const key = number % 2 === 0 ? nthAddress(number) : `${nthNetwork(number)}1`
    const act = random.below(1000 * keys)
    if (act < 450 * keys) {
      const found = table.get(key)
      const entry = known(key)
      if (found !== (entry?.value ?? -1) && (roomy || found !== -1)) expect(found, key).to.equal(entry?.value ?? -1)
      if (entry !== undefined && found !== -1) entry.until = now + TTL_MS
      if (found !== -1) hits++
    } else if (act < 900 * keys) {
      const value = random.below(16_383)
      const refused = table.set(key, value) === 1
      if (refused && roomy) expect.fail(`${key} was refused`)
      // What is refused was not there before either.
      if (refused) reference.delete(key)
      else reference.set(key, { value, until: now + TTL_MS })
    } else if (act < 1000 * keys - rare) {
      const deleted = table.delete(key)
      if (deleted !== (known(key) !== undefined) && (roomy || deleted)) expect.fail(`delete(${key}) said ${deleted}`)
      reference.delete(key)
    } else if (act < 1000 * keys - rare / 20) {
      table.advance(STEP_MS)
      now += STEP_MS
    } else {
      table.clear()
      reference.clear()
    }
    if (table.size > size) expect(table.size).to.be.at.most(size)
  }
  // A table that always forgets would pass, too.
  expect(hits).to.be.above(run.operations / 200)
}
