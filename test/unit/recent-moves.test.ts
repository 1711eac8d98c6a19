import { expect } from 'chai'
import { RecentMoves } from '../../src/sessions/recent-moves.ts'

describe('recent moves', () => {
  let now = 1000
  const moves = (keepMs: number): RecentMoves =>
    new RecentMoves(
      () => keepMs,
      () => now,
    )

  beforeEach(() => {
    now = 1000
  })

  it('keep a client from being moved again, for their time', () => {
    const recent = moves(60_000)
    recent.add('x', 'a')
    now += 59_999
    expect([recent.hasMoved('x'), recent.hasMoved('y')]).to.deep.equal([true, false])
    now += 1
    expect(recent.hasMoved('x')).to.equal(false)
  })

  it('count who may still be on the way to a backend', () => {
    const recent = moves(60_000)
    recent.add('x', 'a')
    now += 3000
    recent.add('y', 'a')
    recent.add('z', 'b')
    expect([recent.comingTo('a'), recent.comingTo('b'), recent.comingTo('c')]).to.deep.equal([2, 1, 0])
    now += 2000
    expect([recent.comingTo('a'), recent.comingTo('b')]).to.deep.equal([1, 1])
    now += 3000
    expect([recent.comingTo('a'), recent.comingTo('b')]).to.deep.equal([0, 0])
  })

  it('know a client by its last move', () => {
    const recent = moves(10_000)
    recent.add('x', 'a')
    now += 9000
    recent.add('x', 'b')
    now += 9000
    recent.add('y', 'b')
    expect([recent.hasMoved('x'), recent.hasMoved('y')]).to.deep.equal([true, true])
  })

  it('hold for some seconds where no time is given: sessions that were closed may be listed a moment longer', () => {
    const recent = moves(0)
    recent.add('x', 'a')
    now += 1000
    expect(recent.hasMoved('x')).to.equal(true)
  })
})
