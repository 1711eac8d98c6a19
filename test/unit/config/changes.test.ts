import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { changedSettings, restartPaths } from '../../../src/config/changes.ts'
import { EFFECTS, effectOf } from '../../../src/config/effects.ts'
import type { BalancerOptions, ListenerOptions, PoolOptions } from '../../../src/config/options.ts'
import { resolveBackend, resolveOptions } from '../../../src/config/resolve.ts'
import { SCHEMAS } from '../../../src/config/schema.ts'
import { allSettings } from '../../../src/config/schema-walk.ts'
import { membershipChange } from '../../../src/pool/membership.ts'
import { HERMETIC } from './helpers.ts'

const BASE = { secret: 'a secret of tests', backends: [{ name: 'a', address: 'h:1' }] }

function paths(pool: PoolOptions, more: Partial<BalancerOptions> = {}): string[] {
  const resolve = (options: BalancerOptions) => resolveOptions(options, HERMETIC)
  const before = resolve({ pools: { p: BASE } })
  const after = resolve({ pools: { p: { ...BASE, ...pool } }, ...more })
  return restartPaths(changedSettings(before, after))
}

/** `added pools.q` and the like. */
function changes(before: BalancerOptions, after: BalancerOptions): string[] {
  const [old, next] = [resolveOptions(before, HERMETIC), resolveOptions(after, HERMETIC)]
  return changedSettings(old, next).map(({ kind, path }) => `${kind} ${path}`)
}

describe('changes between configurations', () => {
  it('are none where only backends differ', () => {
    expect(paths({})).to.deep.equal([])
    expect(paths({ backends: [] })).to.deep.equal([])
    expect(paths({ backends: [{ name: 'b', address: 'h:2', weight: 3, state: 'drain' }] })).to.deep.equal([])
  })

  it('are named by their places where they need a restart', () => {
    expect(paths({ secret: 'another secret' })).to.deep.equal(['pools.p.secret'])
    expect(paths({}, { threads: 2, shutdownTimeout: '1s' })).to.deep.equal(['threads'])
    expect(paths({ stickTable: 'off' })).to.have.members([
      'pools.p.stickTable',
      'pools.p.stickTable.size',
      'pools.p.stickTable.ttl',
      'pools.p.stickTable.file',
    ])
    expect(paths({}, { admin: {} })).to.include('admin.listen')
  })

  it('are named by their places where they do not', () => {
    const listener = { name: 'l', bind: '127.0.0.1:1', pool: 'p' }
    const steps = [{ expect: 'a' }]
    const settings = { health: { type: 'expect', steps }, retries: 5, timeouts: { keepalive: { count: 9 } } } as const
    expect(paths(settings)).to.deep.equal([])
    expect(paths({}, { pools: { p: BASE, q: BASE }, listeners: [listener], log: { level: 'debug' } })).to.deep.equal([])
    const found = changes(
      { pools: { p: BASE, r: BASE } },
      { pools: { p: { ...BASE, ...settings }, q: BASE }, listeners: [listener] },
    )
    expect(found).to.include.members([
      'added pools.q',
      'removed pools.r',
      'added listeners.l',
      'changed pools.p.retries',
      'changed pools.p.timeouts.keepalive.count',
      'added pools.p.health.steps[0].expect',
    ])
    expect(found.filter(change => /pools\.[qr]/.test(change))).to.have.length(2)
  })

  it('need a restart where the next pool of a listener wants another acceptor', () => {
    const cookie = { affinity: { cookie: { mode: 'insert' } } } as const
    const regex = { affinity: { key: { regex: '/^id=([0-9]+)/' } } }
    const others = { c: cookie, d: cookie, r: regex, t: { backendTls: {} } }
    const pools = { p: BASE, q: BASE }
    for (const [name, settings] of Object.entries(others)) Object.assign(pools, { [name]: { ...BASE, ...settings } })
    const moved = (from: string, to: string, listener: Partial<ListenerOptions> = {}): string[] => {
      const [before, after] = [from, to].map(pool =>
        resolveOptions({ pools, listeners: [{ name: 'l', bind: ':1', pool, ...listener }] }, HERMETIC),
      )
      return before && after ? restartPaths(changedSettings(before, after)) : []
    }
    expect(moved('p', 'c')).to.deep.equal(['listeners.l.pool'])
    expect(moved('c', 'p')).to.deep.equal(['listeners.l.pool'])
    for (const pool of ['r', 't']) expect(moved('p', pool)).to.deep.equal(['listeners.l.pool'])
    expect([...moved('p', 'q'), ...moved('c', 'd'), ...moved('c', 'r')]).to.deep.equal([])
    expect([...moved('p', 'c', { acceptor: 'net' }), ...moved('c', 'p', { relay: 'stream' })]).to.deep.equal([])
  })

  it('of listeners are found by their names, whatever their order is', () => {
    const [l, m] = ['l', 'm'].map((name, n) => ({ name, bind: `127.0.0.1:${n + 1}`, pool: 'p' })) as [object, object]
    const options = (...listeners: object[]) => ({ pools: { p: BASE }, listeners }) as BalancerOptions
    expect(changes(options(l, m), options(m, l))).to.deep.equal([])
    expect(changes(options(l, m), options(m))).to.deep.equal(['removed listeners.l'])
    expect(changes(options(l), options({ ...l, backlog: 9 }))).to.deep.equal(['changed listeners.l.backlog'])
    expect(changes(options(l), options({ ...l, deny: ['::1'] }))).to.deep.equal(['added listeners.l.deny[0]'])
  })
})

describe('what a reload can change', () => {
  const all = allSettings(SCHEMAS.yaml).map(({ path }) => path)
  const leaves = all.filter(path => !all.some(other => other.startsWith(`${path}.`) || other.startsWith(`${path}[]`)))

  it('is said of every key of the schema, and of no other', () => {
    expect(leaves.length).to.be.above(50)
    expect(leaves.filter(path => effectOf(path) === undefined)).to.deep.equal([])
    expect(Object.keys(EFFECTS).filter(path => !all.includes(path))).to.deep.equal([])
  })

  it('is in the table of docs/operating.md', () => {
    const page = readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8')
    const rows = page.split('\n').filter(line => /^\| (at once|new sessions|a restart) \|/.test(line))
    const told = rows.flatMap(row => {
      const [, effect = '', keys = ''] = row.split('|').map(cell => cell.trim())
      return [...keys.matchAll(/`([^`]+)`/g)].map(([, key]) => `${effect.replace('a ', '')}: ${key}`)
    })
    const wanted = Object.entries(EFFECTS).map(([path, effect]) => `${effect}: ${path}`)
    expect(told).to.have.members(wanted)
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
