import { expect } from 'chai'
import { type NativePool, Outcome, POOL_COUNTERS, POOL_STRIDE, type PoolCounter } from '../../../src/native.ts'
import { gauges, type Picked, pick } from '../../helpers/oracle/picks.ts'
import { nthAddress, nthNetwork } from '../../helpers/oracle/random.ts'
import { equalBackends, nativePool } from '../../helpers/oracle/subject.ts'

/** How big a spray is. */
export interface Spray {
  /** Entries of the table. */
  size: number
  /** New addresses, one session each. */
  spray: number
}

const BACKENDS = equalBackends(20)

/** One counter over all threads. */
export function counter(pool: NativePool, name: PoolCounter): number {
  const column = POOL_COUNTERS.indexOf(name)
  const cells = pool.counters.filter((_, i) => i % POOL_STRIDE === column)
  return Number(cells.reduce((sum, cell) => sum + cell, 0n))
}

/** A client comes, is served, and leaves. */
export function session(pool: NativePool, address: string): Picked {
  const taken = pick(pool, address)
  pool.release(taken.handle, Outcome.served)
  return taken
}

export function pinned(pool: NativePool, address: string): boolean {
  return (pool.explain(address)?.pin ?? -1) >= 0
}

const stranger = (i: number): string => nthAddress(0x80_0000 + i)

/** Clients that came twice are still pinned after a spray. */
export function expectResidents({ size, residents, spray }: Spray & { residents: number }): void {
  const pool = nativePool({ tableSize: size, factor: 1.25, backends: BACKENDS })
  const at = Array.from({ length: residents }, (_, i) => session(pool, nthAddress(i)).backend)
  for (let i = 0; i < residents; i++) session(pool, nthAddress(i))
  for (let i = 0; i < spray; i++) session(pool, stranger(i))
  const kept = at.filter((_, i) => pinned(pool, nthAddress(i))).length
  expect(kept).to.be.at.least(residents * 0.99)
  const again = at.filter((backend, i) => {
    const { backend: now, reason } = session(pool, nthAddress(i))
    return reason === 'pin' && now === backend
  }).length
  expect(again).to.equal(kept)
  expect(gauges(pool).entries).to.be.at.most(size)
  expect(counter(pool, 'tableEvictedHome') + counter(pool, 'tableRejected')).to.be.above(spray * 0.5)
}

/** Sprayed /64s, some addresses each, against clients whose sessions live. */
export function expectPrefixSpray({ size, victims, spray }: Spray & { victims: number }): void {
  const pool = nativePool({ tableSize: size, factor: 1.25, backends: BACKENDS })
  const held = Array.from({ length: victims }, (_, i) => pick(pool, `2001:db8:ffff:${i.toString(16)}::1`))
  const before = counter(pool, 'tableInserted')
  const entries = gauges(pool).entries
  for (let i = 0; i < 10; i++) session(pool, `2001:db8:fffe:1::${i.toString(16)}`)
  expect(counter(pool, 'tableInserted')).to.equal(before + 1)
  expect(gauges(pool).entries).to.equal(entries + 1)
  for (let i = 0; i < spray; i++) session(pool, `${nthNetwork(i)}${i % 7}`)
  for (const [i, { backend }] of held.entries()) {
    // Another address of the victim's /64.
    const { backend: now, reason } = session(pool, `2001:db8:ffff:${i.toString(16)}::2`)
    expect([now, reason]).to.deep.equal([backend, 'pin'])
  }
  expect(gauges(pool)).to.include({ seats: victims, outstanding: victims })
  expect(gauges(pool).entries).to.be.at.most(size)
}

/** A table that is full of other clients, then a spray, against clients with one session each. */
export function expectLiveSurvive({ size, victims, spray }: Spray & { victims: number }): void {
  const pool = nativePool({ tableSize: size, factor: 1.25, backends: BACKENDS })
  const held = Array.from({ length: victims }, (_, i) => pick(pool, nthAddress(i)))
  for (let i = 0; i < spray; i++) session(pool, stranger(i))
  expect(held.filter((_, i) => pinned(pool, nthAddress(i)))).to.have.lengthOf(victims)
  for (const { handle } of held) pool.release(handle, Outcome.served)
  for (const [i, { backend }] of held.entries()) {
    const { backend: now, reason } = session(pool, nthAddress(i))
    expect([now, reason]).to.deep.equal([backend, 'pin'])
  }
  expect(gauges(pool)).to.include({ seats: 0, outstanding: 0 })
}
