import { expect } from 'chai'
import { resolveBackend } from '../../../src/config/resolve.ts'
import type { ResolvedBackend } from '../../../src/config/resolved.ts'
import { NativeBackendState } from '../../../src/native.ts'
import { PoolHealth, servedBy } from '../../../src/pool/health.ts'

function backends(count: number, more: Partial<ResolvedBackend> = {}): ResolvedBackend[] {
  return Array.from({ length: count }, (_, n) => ({
    ...resolveBackend({ name: `b${n}`, address: `h:${n + 1}` }),
    ...more,
  }))
}

function watched(failOpen: number, found: readonly boolean[], unknownIsUp = false): PoolHealth {
  const health = new PoolHealth(failOpen)
  health.watch(unknownIsUp)
  for (const [n, isUp] of found.entries()) health.set(`b${n}`, isUp, 'said the test')
  return health
}

describe('health of a pool', () => {
  it('believes checks while enough backends are up, and none below that', () => {
    const half = watched(50, [true, true, false, false])
    expect([half.review(backends(4)), half.isFailOpen, half.allows('b3')]).to.deep.equal([false, false, false])
    half.set('b1', false, 'said the test')
    expect([half.review(backends(4)), half.isFailOpen, half.allows('b3')]).to.deep.equal([true, true, true])
    half.set('b1', true, 'said the test')
    expect([half.review(backends(4)), half.isFailOpen]).to.deep.equal([true, false])
  })

  it('always believes them with failOpen: off', () => {
    const health = watched(0, [false, false])
    expect([health.review(backends(2)), health.allows('b0')]).to.deep.equal([false, false])
  })

  it('does not count who was taken out, has no weight, or was not asked yet', () => {
    const health = watched(50, [true, false, false])
    const [b0, b1, b2] = backends(3) as [ResolvedBackend, ResolvedBackend, ResolvedBackend]
    expect(health.review([b0, { ...b1, state: 'maint' }, { ...b2, weight: 0 }])).to.equal(false)
    expect(health.review([b0, { ...b1, state: 'drain' }, b2])).to.equal(true)
    const fresh = watched(50, [])
    expect([fresh.review(backends(3)), fresh.allows('b0'), fresh.of('b0')?.status]).to.deep.equal([
      false,
      false,
      'unknown',
    ])
    expect(watched(50, [], true).allows('b0')).to.equal(true)
  })

  it('believes that nobody is up where a backup is, but not that few are', () => {
    const [b0, b1, b2, b3] = backends(4) as [ResolvedBackend, ResolvedBackend, ResolvedBackend, ResolvedBackend]
    const all = [b0, b1, b2, { ...b3, backup: true }]
    const health = watched(50, [false, false, false, true])
    expect([health.review(all), health.allows('b0')]).to.deep.equal([false, false])
    health.set('b0', true, 'said the test')
    expect([health.review(all), health.allows('b1')]).to.deep.equal([true, true])
    health.set('b0', false, 'said the test')
    health.set('b3', false, 'said the test')
    expect([health.review(all), health.allows('b1')]).to.deep.equal([false, true])
  })

  it('has who is ejected for down, with checks and without', () => {
    const health = new PoolHealth(50)
    const until = health.eject('b0', 'it failed', 1000)
    expect(health.of('b0')).to.deep.include({ status: 'down', reason: 'it failed', ejectedUntil: until })
    expect([health.allows('b0'), health.allows('b1'), health.of('b1')]).to.deep.equal([false, true, undefined])
    health.watch(true)
    health.set('b0', false, 'said the check')
    expect(health.of('b0')).to.deep.include({ status: 'down', reason: 'said the check', ejectedUntil: until })
    health.readmit('b0')
    expect(health.of('b0')).to.not.have.property('ejectedUntil')
    health.eject('b1', 'it failed', 1000)
    expect([health.forget('b1'), health.allows('b1')]).to.deep.equal([true, true])
  })

  it('says nothing before checks have begun', () => {
    const health = new PoolHealth(50)
    expect([health.of('b0'), health.allows('b0')]).to.deep.equal([undefined, true])
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
