import { expect } from 'chai'
import { NativeBackendState, type NativePool, Outcome } from '../../../src/native.ts'
import { bound } from '../../helpers/oracle/picker.ts'
import { gauges, loads, type Picked, pick, unpack } from '../../helpers/oracle/picks.ts'
import { nthAddress } from '../../helpers/oracle/random.ts'
import { equalBackends, nativePool, setBackend } from '../../helpers/oracle/subject.ts'
import { pinned, session } from './spray.ts'

const CLIENT = '192.0.2.1'

function makePool(factor = 0): NativePool {
  return nativePool({ tableSize: 1000, factor, backends: equalBackends(5) })
}

/** The last try of a pick failed; the next one. */
function next(pool: NativePool, { handle }: Picked, localFailure = false): Picked {
  const picked = unpack(pool.redispatch(handle, localFailure))
  if (typeof picked === 'string') throw new Error(`nobody was left: ${picked}`)
  expect(picked.handle).to.equal(handle)
  return picked
}

describe('a pick', () => {
  it('that was served leaves a pin and no seat', () => {
    const pool = makePool()
    const taken = pick(pool, CLIENT)
    expect(gauges(pool)).to.include({ seats: 1, outstanding: 1, entries: 1 })
    pool.release(taken.handle, Outcome.served)
    expect(gauges(pool)).to.include({ seats: 0, outstanding: 0, entries: 1 })
    expect(pool.explain(CLIENT)?.pin).to.equal(taken.backend)
  })

  it('that failed or was abandoned leaves neither', () => {
    for (const [outcome, failures] of [
      [Outcome.failed, 1],
      [Outcome.abandoned, 0],
    ] as const) {
      const pool = makePool()
      const { handle, backend } = pick(pool, CLIENT)
      pool.release(handle, outcome)
      expect(gauges(pool)).to.include({ seats: 0, outstanding: 0, entries: 0 })
      const rows = new Float64Array(25)
      pool.readBackends(rows)
      expect(Array.from(rows.subarray(backend * 5, backend * 5 + 5))).to.deep.equal([0, 1, failures, 0, 0])
    }
  })

  it('that failed leaves the pin of a session of its key that lives, or was served', () => {
    const pool = makePool()
    const [first, second] = [pick(pool, CLIENT), pick(pool, CLIENT)]
    pool.release(second.handle, Outcome.failed)
    expect(pinned(pool, CLIENT)).to.equal(true)
    pool.release(first.handle, Outcome.served)
    const third = pick(pool, CLIENT)
    pool.release(third.handle, Outcome.failed)
    expect(pool.explain(CLIENT)?.pin).to.equal(first.backend)
  })

  it('that was confirmed stays pinned, however it ends', () => {
    const pool = makePool()
    const { handle, backend } = pick(pool, CLIENT)
    pool.confirm(handle)
    pool.confirm(handle)
    pool.release(handle, Outcome.failed)
    expect(pool.explain(CLIENT)?.pin).to.equal(backend)
    expect(gauges(pool)).to.include({ seats: 0, outstanding: 0 })
  })

  it('that is confirmed late moves the pin, unless another session of its key lives where it points to', () => {
    for (const settled of [true, false]) {
      const pool = makePool()
      const first = pick(pool, CLIENT)
      setBackend(pool, `backend-${first.backend}`, 1, 0, NativeBackendState.down)
      pool.publish()
      const second = pick(pool, CLIENT)
      expect(second.backend).to.not.equal(first.backend)
      if (settled) pool.confirm(second.handle)
      pool.confirm(first.handle)
      expect(pool.explain(CLIENT)?.pin).to.equal((settled ? second : first).backend)
    }
  })

  it('may be confirmed twice: it counts once', () => {
    const pool = makePool()
    const [first, second] = [pick(pool, CLIENT), pick(pool, CLIENT)]
    pick(pool, CLIENT)
    pool.confirm(first.handle)
    pool.confirm(first.handle)
    pool.release(first.handle, Outcome.served)
    // Nobody whose connect succeeded is left there, so the pin goes along.
    const moved = next(pool, second)
    pool.confirm(moved.handle)
    expect(pool.explain(CLIENT)?.pin).to.equal(moved.backend)
  })

  it('may be released twice: the second time does nothing', () => {
    const pool = makePool()
    const { handle } = pick(pool, CLIENT)
    pool.release(handle, Outcome.served)
    for (const outcome of Object.values(Outcome)) pool.release(handle, outcome)
    expect(gauges(pool)).to.include({ seats: 0, outstanding: 0, entries: 1 })
    // Neither seat nor handle may now be given twice.
    const others = [pick(pool, nthAddress(1)), pick(pool, nthAddress(2))]
    expect(others[0]?.handle).to.not.equal(others[1]?.handle)
    for (const other of others) pool.release(other.handle, Outcome.served)
    expect(gauges(pool)).to.include({ seats: 0, outstanding: 0, entries: 3 })
  })

  it('that is over takes no confirm and no redispatch', () => {
    const pool = makePool()
    const { handle } = pick(pool, CLIENT)
    pool.release(handle, Outcome.failed)
    pool.confirm(handle)
    expect(unpack(pool.redispatch(handle, false))).to.equal('noBackend')
    expect(gauges(pool)).to.include({ seats: 0, outstanding: 0, entries: 0 })
  })

  it('that nobody made is a programming mistake', () => {
    const pool = makePool()
    for (const act of [
      () => pool.release(5, Outcome.served),
      () => pool.confirm(2 ** 32 - 1),
      () => pool.redispatch(77, false),
    ]) {
      expect(act).to.throw(TypeError)
    }
  })
})

describe('a redispatch', () => {
  it('goes through the key’s order, each backend once, then nobody is left', () => {
    const pool = makePool()
    const order = Array.from(pool.explain(CLIENT)?.order ?? [])
    const visited: number[] = []
    const first = pick(pool, CLIENT)
    for (let tried: Picked | string = first; typeof tried !== 'string'; ) {
      visited.push(tried.backend)
      expect(loads(pool, 5).reduce((sum, load) => sum + load)).to.equal(1)
      expect(tried.reason).to.equal(visited.length === 1 ? 'home' : 'redispatch')
      tried = unpack(pool.redispatch(first.handle, false))
    }
    expect(visited).to.deep.equal(order)
    pool.release(first.handle, Outcome.failed)
    expect(gauges(pool)).to.include({ seats: 0, outstanding: 0, entries: 0 })
    expect(loads(pool, 5)).to.deep.equal([0, 0, 0, 0, 0])
  })

  it('takes the pin along to where the client is', () => {
    const pool = makePool()
    const moved = next(pool, next(pool, pick(pool, CLIENT)))
    pool.confirm(moved.handle)
    pool.release(moved.handle, Outcome.served)
    expect(session(pool, CLIENT)).to.include({ backend: moved.backend, reason: 'pin' })
  })

  it('obeys the bound', () => {
    const pool = makePool(1)
    for (let m = 0; m < 60; m++) {
      const moved = next(pool, pick(pool, nthAddress(m)))
      const now = loads(pool, 5)
      expect(now[moved.backend]).to.be.at.most(bound(1000, m, 1, 4))
    }
  })

  it('that fails everywhere puts a pin back that was confirmed', () => {
    const pool = makePool()
    const { backend } = session(pool, CLIENT)
    const taken = pick(pool, CLIENT)
    for (let left = 4; left > 0; left--) next(pool, taken)
    expect(unpack(pool.redispatch(taken.handle, false))).to.equal('noBackend')
    pool.release(taken.handle, Outcome.failed)
    expect(pool.explain(CLIENT)?.pin).to.equal(backend)
  })

  it('for want of a local port leaves the pin where it is', () => {
    const pool = makePool()
    const { backend } = session(pool, CLIENT)
    const moved = next(pool, pick(pool, CLIENT), true)
    expect(moved.backend).to.not.equal(backend)
    pool.confirm(moved.handle)
    pool.release(moved.handle, Outcome.served)
    expect(pool.explain(CLIENT)?.pin).to.equal(backend)
  })

  it('leaves the pin to another session of the key that lives there', () => {
    const pool = makePool()
    const settled = pick(pool, CLIENT)
    pool.confirm(settled.handle)
    const moved = next(pool, pick(pool, CLIENT))
    expect(moved.backend).to.not.equal(settled.backend)
    pool.confirm(moved.handle)
    pool.release(moved.handle, Outcome.served)
    expect(pool.explain(CLIENT)?.pin).to.equal(settled.backend)
  })

  it('follows a pin that another session moved meanwhile', () => {
    const pool = makePool()
    const [one, other] = [pick(pool, CLIENT), pick(pool, CLIENT)]
    const away = next(pool, next(pool, one))
    expect(next(pool, other)).to.include({ backend: away.backend, reason: 'redispatch' })
  })

  it('passes by whoever went down meanwhile', () => {
    const pool = makePool()
    const [, second = -1, third] = pool.explain(CLIENT)?.order ?? []
    const taken = pick(pool, CLIENT)
    setBackend(pool, `backend-${second}`, 1, 0, NativeBackendState.down)
    pool.publish()
    expect(next(pool, taken).backend).to.equal(third)
  })
})
