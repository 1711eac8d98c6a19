import { expect } from 'chai'
import { checksOf } from '../../../src/config/backend-health.ts'
import { resolveBackend, resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedBackend } from '../../../src/config/resolved.ts'
import { NativeBackendState } from '../../../src/native.ts'
import { PoolHealth, servedBy } from '../../../src/pool/health.ts'

function backends(count: number, more: Partial<ResolvedBackend> = {}): ResolvedBackend[] {
  return Array.from({ length: count }, (_, n) => ({
    ...resolveBackend({ name: `b${n}`, address: `h:${n + 1}` }),
    ...more,
  }))
}

const one = (name: string): ResolvedBackend => resolveBackend({ name, address: 'h:1' })

/** The health of a pool with such checks, which have not begun. */
function healthOf(failOpen: number, initial: 'up' | 'check' = 'check'): PoolHealth {
  const pool = resolveOptions({ pools: { p: { health: { initial } } } }).pools.get('p')
  return new PoolHealth(failOpen, backend => checksOf(pool?.health, backend))
}

function watched(failOpen: number, found: readonly boolean[], initial: 'up' | 'check' = 'check'): PoolHealth {
  const health = healthOf(failOpen, initial)
  health.watch()
  for (const [n, isUp] of found.entries()) health.set(`b${n}`, isUp, 'said the test')
  return health
}

describe('health of a pool', () => {
  it('believes checks while enough backends are up, and none below that', () => {
    const half = watched(50, [true, true, false, false])
    expect([half.review(backends(4)), half.isFailOpen, half.allows(one('b3'))]).to.deep.equal([false, false, false])
    half.set('b1', false, 'said the test')
    expect([half.review(backends(4)), half.isFailOpen, half.allows(one('b3'))]).to.deep.equal([true, true, true])
    half.set('b1', true, 'said the test')
    expect([half.review(backends(4)), half.isFailOpen]).to.deep.equal([true, false])
  })

  it('always believes them with failOpen: off', () => {
    const health = watched(0, [false, false])
    expect([health.review(backends(2)), health.allows(one('b0'))]).to.deep.equal([false, false])
  })

  it('does not count who was taken out, has no weight, or was not asked yet', () => {
    const health = watched(50, [true, false, false])
    const [b0, b1, b2] = backends(3) as [ResolvedBackend, ResolvedBackend, ResolvedBackend]
    expect(health.review([b0, { ...b1, state: 'maint' }, { ...b2, weight: 0 }])).to.equal(false)
    expect(health.review([b0, { ...b1, state: 'drain' }, b2])).to.equal(true)
    const fresh = watched(50, [])
    expect([fresh.review(backends(3)), fresh.allows(one('b0')), fresh.of(one('b0'))?.status]).to.deep.equal([
      false,
      false,
      'unknown',
    ])
    expect(watched(50, [], 'up').allows(one('b0'))).to.equal(true)
  })

  it('believes that nobody is up where a backup is, but not that few are', () => {
    const [b0, b1, b2, b3] = backends(4) as [ResolvedBackend, ResolvedBackend, ResolvedBackend, ResolvedBackend]
    const all = [b0, b1, b2, { ...b3, backup: true }]
    const health = watched(50, [false, false, false, true])
    expect([health.review(all), health.allows(one('b0'))]).to.deep.equal([false, false])
    health.set('b0', true, 'said the test')
    expect([health.review(all), health.allows(one('b1'))]).to.deep.equal([true, true])
    health.set('b0', false, 'said the test')
    health.set('b3', false, 'said the test')
    expect([health.review(all), health.allows(one('b1'))]).to.deep.equal([false, true])
  })

  it('has who is ejected for down, with checks and without', () => {
    const health = healthOf(50, 'up')
    const until = health.eject('b0', 'it failed', 1000)
    expect(health.of(one('b0'))).to.deep.include({ status: 'down', reason: 'it failed', ejectedUntil: until })
    expect([health.allows(one('b0')), health.allows(one('b1')), health.of(one('b1'))]).to.deep.equal([
      false,
      true,
      undefined,
    ])
    health.watch()
    health.set('b0', false, 'said the check')
    expect(health.of(one('b0'))).to.deep.include({ status: 'down', reason: 'said the check', ejectedUntil: until })
    health.readmit('b0')
    expect(health.of(one('b0'))).to.not.have.property('ejectedUntil')
    health.eject('b1', 'it failed', 1000)
    expect([health.forget('b1'), health.allows(one('b1'))]).to.deep.equal([true, true])
  })

  it('says nothing before checks have begun', () => {
    const health = healthOf(50, 'up')
    expect([health.of(one('b0')), health.allows(one('b0'))]).to.deep.equal([undefined, true])
  })

  it('counts who is not checked as up, and asks each for its own initial state', () => {
    const health = watched(50, [false])
    const [b0, b1, b2] = backends(3) as [ResolvedBackend, ResolvedBackend, ResolvedBackend]
    const off = { ...b1, health: 'off' } as const
    const up = { ...b2, health: { initial: 'up' } } as const
    expect([health.review([b0, off, up]), health.of(off)]).to.deep.equal([false, undefined])
    expect([b1, off, b2, up].map(backend => health.allows(backend))).to.deep.equal([false, true, false, true])
    expect(health.review([b0, { ...up, health: { initial: 'down' } }])).to.equal(true)
  })

  it('is one of two reasons for what a backend serves', () => {
    const health = watched(0, [true, false])
    const serves = (state: ResolvedBackend['state']): number[] =>
      backends(2, { state }).map(backend => servedBy(backend, health))
    const { ready, drain, down } = NativeBackendState
    expect(serves('ready')).to.deep.equal([ready, down])
    expect(serves('drain')).to.deep.equal([drain, down])
    expect(serves('drain-hard')).to.deep.equal([down, down])
    expect(serves('maint')).to.deep.equal([down, down])
  })
})
