import { expect } from 'chai'
import fc from 'fast-check'
import {
  announcementOf,
  type HomeBackend,
  readBackends,
  writeBackends,
} from '../../../src/cluster/switches/announcement.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedBackend } from '../../../src/config/resolved.ts'
import { PoolCore } from '../../../src/pool/core.ts'

describe('announcements of backends', () => {
  let core: PoolCore

  beforeEach(() => {
    const backends = ['a', 'b', 'c'].map(name => ({ name, address: '127.0.0.1:1' }))
    const spare = { name: 'spare', address: '127.0.0.1:1', backup: true }
    const options = { secret: 'a secret of tests', backends: [...backends, spare] }
    core = new PoolCore(resolveOptions({ pools: { p: options } }).pools.get('p') ?? expect.fail())
    // Staged, as in a pool that serves.
    void core.native
  })

  afterEach(() => core.close())

  /** The backends, with changes by name; null: it is not there. */
  function changed(changes: Record<string, Partial<ResolvedBackend> | null>): ResolvedBackend[] {
    return [...core.backends()].flatMap(backend => {
      const change = changes[backend.name]
      return change === null ? [] : [{ ...backend, ...change }]
    })
  }

  it('are made of changes that move homes, and say what the digest will be', () => {
    const first = [...core.backends()][0] ?? expect.fail()
    const moving = [
      [...core.backends(), { ...first, name: 'd' }],
      changed({ a: { weight: 2 } }),
      changed({ a: { weight: 0 } }),
      changed({ a: null }),
      changed({ a: { backup: true } }),
    ]
    for (const next of moving) {
      const announcement = announcementOf(core, next) ?? expect.fail()
      expect(announcement.backends.map(({ name }) => name)).to.deep.equal(next.map(({ name }) => name).sort())
      // In any order.
      expect(announcementOf(core, [...next].reverse())).to.deep.equal(announcement)
      const names = new Set(next.map(({ name }) => name))
      const removed = [...core.backends()].map(({ name }) => name).filter(name => !names.has(name))
      const before = [...core.backends()]
      core.apply({ set: next, removed })
      expect(core.digest).to.equal(announcement.id)
      core.apply({ set: before, removed: next.map(({ name }) => name).filter(name => name === 'd') })
    }
  })

  it('are not made of what moves none', () => {
    const first = [...core.backends()][0] ?? expect.fail()
    const still = [
      changed({}),
      changed({ a: { state: 'maint', maxSessions: 9 }, b: { state: 'drain' } }),
      changed({ a: { address: { kind: 'ip', host: '127.0.0.2', family: 4, port: 2, needsLookup: false } } }),
      changed({ spare: { weight: 7 } }),
      changed({ spare: null }),
      [...core.backends(), { ...first, name: 'd', weight: 0 }],
    ]
    for (const next of still) expect(announcementOf(core, next)).to.equal(undefined)
  })

  it('are not made of the removal of one that serves nobody', () => {
    core.apply({ set: changed({ a: { state: 'maint' } }).filter(({ name }) => name === 'a'), removed: [] })
    expect(announcementOf(core, changed({ a: null }))).to.equal(undefined)
    expect(announcementOf(core, changed({ a: null, b: null }))).to.not.equal(undefined)
  })

  it('are read as they were written, and nothing else is', () => {
    const one = fc.record({ name: fc.string({ minLength: 1 }), weight: fc.nat({ max: 65_535 }), backup: fc.boolean() })
    fc.assert(
      fc.property(fc.uniqueArray(one, { selector: ({ name }) => name }), (backends: HomeBackend[]) => {
        expect(readBackends(writeBackends(backends))).to.deep.equal(backends)
      }),
      { numRuns: 50 },
    )
    const bad = [
      '',
      '{',
      'null',
      '{}',
      '[1]',
      '[["a"]]',
      '[["",1,0]]',
      '[["a",-1,0]]',
      '[["a",1,2]]',
      '[["a",1,0],["a",1,0]]',
    ]
    for (const text of bad) expect(readBackends(text), text).to.equal(undefined)
  })
})
