import { expect } from 'chai'
import { NativeBackendState, type NativePool, Outcome } from '../../../src/native.ts'
import { loads, type Picked, pick } from '../../helpers/oracle/picks.ts'
import { nthAddress } from '../../helpers/oracle/random.ts'
import { equalBackends, nativePool, type PoolSetup, setBackend } from '../../helpers/oracle/subject.ts'
import { pinned, session } from './spray.ts'

const CLIENTS = 200

/** A pool with a pin for each of {@link CLIENTS} clients; where they are. */
function pinnedPool(setup: Partial<PoolSetup> = {}): { pool: NativePool; at: number[] } {
  const pool = nativePool({ tableSize: 1000, backends: equalBackends(4), ...setup })
  return { pool, at: Array.from({ length: CLIENTS }, (_, i) => session(pool, nthAddress(i)).backend) }
}

/** What happens to every client that was at one backend when it comes back. */
function comeBack(pool: NativePool, at: readonly number[], backend: number): Picked[] {
  return at.flatMap((before, i) => (before === backend ? [session(pool, nthAddress(i))] : []))
}

function reasons(picks: readonly Picked[]): string[] {
  return [...new Set(picks.map(({ reason }) => reason))]
}

describe('a pin', () => {
  it('decides, once its client was there', () => {
    const { pool, at } = pinnedPool({ factor: 1 })
    for (const [i, backend] of at.entries()) {
      expect(session(pool, nthAddress(i))).to.include({ backend, reason: 'pin' })
    }
  })

  it('is followed by the sessions of a key that begin before the first one is decided', () => {
    const pool = nativePool({ tableSize: 1000, factor: 1, backends: equalBackends(4) })
    const picks = Array.from({ length: 10 }, () => pick(pool, '192.0.2.1'))
    expect(new Set(picks.map(({ backend }) => backend))).to.have.lengthOf(1)
    expect(picks.map(({ reason }) => reason)).to.deep.equal(['home', ...Array(9).fill('pin')])
  })

  it('beats the bound', () => {
    const pool = nativePool({ tableSize: 1000, factor: 1, backends: equalBackends(4) })
    const held = Array.from({ length: 60 }, () => pick(pool, '192.0.2.1'))
    expect(loads(pool, 4)[held[0]?.backend ?? -1]).to.equal(60)
    // A new key of the same home does not.
    const home = held[0]?.backend
    for (let i = 0; i < 100; i++) {
      if (pool.explain(nthAddress(i))?.order[0] === home) expect(pick(pool, nthAddress(i)).reason).to.equal('overflow')
    }
  })

  it('does not beat maxSessions: the session goes elsewhere, the pin stays', () => {
    const backends = equalBackends(3).map(backend => ({ ...backend, maxSessions: 1 }))
    const pool = nativePool({ tableSize: 1000, backends })
    const { backend } = session(pool, '192.0.2.1')
    const held = pick(pool, '192.0.2.1')
    expect(held).to.include({ backend, reason: 'pin' })
    const [, second] = pool.explain('192.0.2.1')?.order ?? []
    const elsewhere = pick(pool, '192.0.2.1')
    expect(elsewhere).to.include({ backend: second, reason: 'overflow' })
    pool.release(elsewhere.handle, Outcome.served)
    pool.release(held.handle, Outcome.served)
    expect(session(pool, '192.0.2.1')).to.include({ backend, reason: 'pin' })
  })

  it('to a backend of weight 0 stays, and no new key comes', () => {
    const { pool, at } = pinnedPool()
    setBackend(pool, 'backend-2', 0)
    pool.publish()
    const back = comeBack(pool, at, 2)
    expect(back.length).to.be.above(20)
    expect(reasons(back)).to.deep.equal(['pin'])
    for (let i = CLIENTS; i < CLIENTS + 500; i++) expect(session(pool, nthAddress(i)).backend).to.not.equal(2)
  })

  it('to a draining backend stays, and no new key comes', () => {
    const { pool, at } = pinnedPool()
    setBackend(pool, 'backend-2', 1, 0, NativeBackendState.drain)
    pool.publish()
    expect(reasons(comeBack(pool, at, 2))).to.deep.equal(['pin'])
    for (let i = CLIENTS; i < CLIENTS + 500; i++) {
      const taken = session(pool, nthAddress(i))
      expect(taken.backend).to.not.equal(2)
      // Its home is still there: a state changes no placement.
      const home = pool.explain(nthAddress(i))?.order[0]
      expect(taken.reason).to.equal(home === 2 ? 'failover' : 'home')
    }
  })

  it('to a backend that is down moves to where the client goes, and stays there', () => {
    const { pool, at } = pinnedPool()
    setBackend(pool, 'backend-2', 1, 0, NativeBackendState.down)
    pool.publish()
    const moved = comeBack(pool, at, 2)
    expect(reasons(moved)).to.deep.equal(['failover'])
    setBackend(pool, 'backend-2', 1)
    pool.publish()
    const later = comeBack(pool, at, 2)
    expect(reasons(later)).to.deep.equal(['pin'])
    expect(later.map(({ backend }) => backend)).to.deep.equal(moved.map(({ backend }) => backend))
  })

  it('to a backend that was removed and added again is a miss', () => {
    const { pool, at } = pinnedPool()
    pool.removeBackend('backend-2')
    pool.publish()
    setBackend(pool, 'backend-2', 1)
    pool.publish()
    for (const [i, backend] of at.entries()) expect(pinned(pool, nthAddress(i))).to.equal(backend !== 2)
    expect(reasons(comeBack(pool, at, 2))).to.deep.equal(['home'])
  })

  it('to a removed backend is no pin to whoever gets its index', () => {
    const { pool, at } = pinnedPool()
    pool.removeBackend('backend-2')
    // A record is freed when no roster that somebody may read names it any more.
    for (let i = 0; i < 5; i++) pool.publish()
    expect(setBackend(pool, 'somebody else', 1)).to.equal(2)
    pool.publish()
    for (const [i, backend] of at.entries()) expect(pinned(pool, nthAddress(i))).to.equal(backend !== 2)
    expect(comeBack(pool, at, 2).some(({ reason }) => reason === 'pin')).to.equal(false)
  })

  it('to a removed backend is no pin when the 4,096 generations of its index have gone round', () => {
    const { pool, at } = pinnedPool()
    let reused = 0
    for (let i = 0; i < 4096; i++) {
      pool.removeBackend(i === 0 ? 'backend-2' : `passer-by ${i - 1}`)
      pool.publish()
      pool.publish()
      if (setBackend(pool, `passer-by ${i}`, 1) === 2) reused++
      pool.publish()
      // Somebody looks at each generation that is about to come round again.
      if (i > 4090)
        expect(at.filter((backend, key) => backend === 2 && pinned(pool, nthAddress(key)))).to.deep.equal([])
    }
    expect(reused).to.equal(4096)
    expect(comeBack(pool, at, 2).some(({ reason }) => reason === 'pin')).to.equal(false)
    // Pins to others have nothing to do with it.
    expect(reasons(comeBack(pool, at, 1))).to.deep.equal(['pin'])
  })

  it('is not made without a table, or for a client without an address', () => {
    const without = nativePool({ backends: equalBackends(4) })
    session(without, '192.0.2.1')
    expect(session(without, '192.0.2.1').reason).to.equal('home')
    const { pool } = pinnedPool()
    const picks = Array.from({ length: 8 }, () => pick(pool, undefined))
    expect(reasons(picks)).to.deep.equal(['nokey'])
    expect(loads(pool, 4)).to.deep.equal([2, 2, 2, 2])
  })

  it('does not expire while a session of its key lives', async () => {
    const pool = nativePool({ tableSize: 1000, ttlMs: 400, backends: equalBackends(4) })
    const held = pick(pool, '192.0.2.1')
    session(pool, '192.0.2.2')
    // Both began together; the other one's end is the sign that the ttl is over.
    while (pinned(pool, '192.0.2.2')) await new Promise(setImmediate)
    expect(pool.explain('192.0.2.1')).to.include({ pin: held.backend, expiresInMs: -1 })
    pool.release(held.handle, Outcome.served)
    expect(pool.explain('192.0.2.1')?.expiresInMs).to.be.within(1, 525)
    while (pinned(pool, '192.0.2.1')) await new Promise(setImmediate)
    expect(pick(pool, '192.0.2.1').reason).to.equal('home')
  })
})

describe('a table of which every entry is in use', () => {
  it('serves new keys by placement, unpinned and counted', () => {
    const pool = nativePool({ tableSize: 4, backends: equalBackends(4) })
    const held = Array.from({ length: 4 }, (_, i) => pick(pool, nthAddress(i)))
    for (let i = 0; i < 3; i++) {
      const taken = session(pool, '192.0.2.1')
      expect(taken).to.include({ reason: 'home', backend: pool.explain('192.0.2.1')?.order[0] })
    }
    for (const [i, { backend }] of held.entries()) expect(pool.explain(nthAddress(i))?.pin).to.equal(backend)
  })
})
