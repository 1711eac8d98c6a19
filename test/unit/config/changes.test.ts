import { expect } from 'chai'
import { restartPaths } from '../../../src/config/changes.ts'
import type { BalancerOptions, PoolOptions } from '../../../src/config/options.ts'
import { resolveBackend, resolveOptions } from '../../../src/config/resolve.ts'
import { membershipChange } from '../../../src/pool/membership.ts'
import { HERMETIC } from './helpers.ts'

const BASE = { secret: 'a secret of tests', backends: [{ name: 'a', address: 'h:1' }] }

function paths(pool: PoolOptions, more: Partial<BalancerOptions> = {}): string[] {
  const resolve = (options: BalancerOptions) => resolveOptions(options, HERMETIC)
  return restartPaths(resolve({ pools: { p: BASE } }), resolve({ pools: { p: { ...BASE, ...pool } }, ...more }))
}

describe('changes between configurations', () => {
  it('are none where only backends differ', () => {
    expect(paths({})).to.deep.equal([])
    expect(paths({ backends: [] })).to.deep.equal([])
    expect(paths({ backends: [{ name: 'b', address: 'h:2', weight: 3, state: 'drain' }] })).to.deep.equal([])
  })

  it('are named by their places where they need a restart', () => {
    expect(paths({ retries: 5, timeouts: { keepalive: { count: 9 } } })).to.deep.equal([
      'pools.p.timeouts.keepalive.count',
      'pools.p.retries',
    ])
    expect(paths({ secret: 'another secret' })).to.deep.equal(['pools.p.secret'])
    expect(paths({}, { threads: 2, shutdownTimeout: '1s' })).to.deep.equal(['threads', 'shutdownTimeout'])
    expect(paths({ stickTable: 'off' })).to.have.members([
      'pools.p.stickTable',
      'pools.p.stickTable.size',
      'pools.p.stickTable.ttl',
      'pools.p.stickTable.file',
    ])
    const listener = { name: 'l', bind: '127.0.0.1:1', pool: 'p' }
    expect(paths({}, { listeners: [listener] })).to.include('listeners[0].bind')
    const steps = [{ expect: 'a' }]
    expect(paths({ health: { type: 'expect', steps } })).to.include('pools.p.health.steps[0].expect')
    expect(paths({}, { pools: { p: BASE, q: BASE } })).to.include('pools.q.placement')
  })
})

describe('changes of a membership', () => {
  const backends = (...names: string[]) => names.map(name => resolveBackend({ name, address: 'h:1' }))

  it('are what is new, what differs and what is gone', () => {
    const before = backends('a', 'b', 'c', 'd')
    const after = [...backends('a', 'e'), resolveBackend({ name: 'b', address: 'h:2' })]
    after.push(resolveBackend({ name: 'c', address: 'h:1', state: 'drain' }))
    const { set, removed } = membershipChange(before, after)
    expect([set.map(({ name }) => name), removed]).to.deep.equal([['e', 'b', 'c'], ['d']])
    expect(membershipChange(before, before)).to.deep.equal({ set: [], removed: [] })
  })
})
