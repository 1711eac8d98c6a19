import { expect } from 'chai'
import fc from 'fast-check'
import { rosterDifferences } from '../../../src/cluster/rosters/differences.ts'
import { backendEdit, EMPTY, FORGET, type RosterEdit } from '../../../src/cluster/rosters/edit.ts'
import { type FoundRoster, MOST_CHARACTERS, readRoster, stampOf } from '../../../src/cluster/rosters/record.ts'
import { Rosters } from '../../../src/cluster/rosters/rosters.ts'
import type { OpenStore } from '../../../src/cluster/rosters/shared-roster.ts'
import type { NewRoster } from '../../../src/cluster/rosters/store.ts'
import type { BackendChanges, PoolOptions } from '../../../src/config/options.ts'
import { resolveBackend, resolveBackendChanges, resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedConfig } from '../../../src/config/resolved.ts'
import { followDiscovery } from '../../../src/discovery/discoveries.ts'
import type { LimpetError } from '../../../src/errors.ts'
import { createLog } from '../../../src/log/log.ts'
import { PoolCore } from '../../../src/pool/core.ts'
import { changedBackend } from '../../../src/pool/membership.ts'
import type { Service } from '../../../src/service.ts'
import { overlayOf, type PoolOverlay, withOverlay } from '../../../src/state/overlay.ts'

/** Of a roster that nobody has changed yet: neither version nor id. */
const NO_STAMP = ' '

const BACKENDS = ['a', 'b'].map(name => ({ name, address: '127.0.0.1:9' }))
const LOG = createLog('silent')

function config(pool: Partial<PoolOptions> = {}): ResolvedConfig {
  const secret = 'a secret of tests'
  return resolveOptions({ pools: { p: { secret, health: 'off', backends: BACKENDS, ...pool } as PoolOptions } })
}

function update(name: string, changes: BackendChanges): RosterEdit {
  return backendEdit(name, `set ${name}`, before => before && changedBackend(before, resolveBackendChanges(changes)))
}

function add(name: string, address = '127.0.0.1:9'): RosterEdit {
  return backendEdit(name, `add ${name}`, () => resolveBackend({ name, address }))
}

/** A store in this process. */
class Store implements OpenStore {
  isOpen = true
  found: FoundRoster = { stamp: NO_STAMP, record: undefined, fault: undefined }
  /** Called once, before the next change. */
  beforeSet: (() => void | Promise<void>) | undefined

  async stamps(pools: readonly string[]): Promise<string[]> {
    return pools.map(() => this.found.stamp)
  }

  async read(): Promise<FoundRoster> {
    return this.found
  }

  async set(_: string, before: string, { text, what: _what, ...roster }: NewRoster) {
    const act = this.beforeSet
    this.beforeSet = undefined
    await act?.()
    if (before !== this.found.stamp) return undefined
    return this.put({ ...roster, overlay: JSON.parse(text) as PoolOverlay })
  }

  put({ id = String(Math.random()), at = 1, ...roster }: Omit<NewRoster, 'text' | 'what'>) {
    const record = { ...roster, id, at }
    this.found = { stamp: stampOf(record), record, fault: undefined }
    return record
  }

  async changes() {
    return []
  }
}

/** A balancer with one pool. */
class Member {
  readonly core: PoolCore
  readonly rosters: Rosters
  config: ResolvedConfig
  /** While the others tell of their clients. */
  whileAnnounced: () => void = () => undefined
  isClosed = false

  constructor(given = config()) {
    this.config = given
    this.core = new PoolCore(given.pools.get('p') ?? expect.fail())
    const service = { checkBackends: () => undefined } as unknown as Service
    this.rosters = new Rosters(new Map([['p', this.core]]), 'me', LOG, {
      canChange: () => true,
      assertCanChange: () => {
        if (this.isClosed) throw new Error('it is closed')
      },
      configured: pool => this.config.pools.get(pool)?.backends ?? [],
      changes: core => core.discovery?.overlay(core.backends()) ?? overlayOf(this.backends(), core.backends()),
      beforeChange: async () => this.whileAnnounced(),
      apply: async apply => void (await apply({ service: () => service, beforeChange: async () => undefined })),
    })
  }

  static async start(store: OpenStore, given = config()): Promise<Member> {
    const member = new Member(given)
    member.rosters.begin()
    await member.rosters.open(store)
    member.rosters.serve()
    return member
  }

  backends() {
    return this.config.pools.get('p')?.backends ?? []
  }

  get seen(): string {
    return [...this.core.backends()].map(({ name, weight }) => `${name}${weight}`).join(' ')
  }

  async change(edit: RosterEdit, ifVersion?: number): Promise<number> {
    return await this.rosters.change(this.core, edit, { ifVersion })
  }

  async refusal(edit: RosterEdit, ifVersion?: number): Promise<LimpetError> {
    return await this.change(edit, ifVersion).then(
      () => expect.fail('it was not refused'),
      (error: LimpetError) => error,
    )
  }

  get status() {
    return this.rosters.status()[0] ?? expect.fail()
  }
}

describe('shared rosters', () => {
  it('are changed anew where another balancer was first, but not where a version was said', async () => {
    const store = new Store()
    const one = await Member.start(store)
    const other = await Member.start(store)
    store.beforeSet = async () => void (await other.change(update('b', { weight: 7 })))
    expect(await one.change(update('a', { weight: 5 }))).to.equal(2)
    expect(one.seen).to.equal('a5 b7')
    store.beforeSet = async () => void (await other.change(update('b', { weight: 8 })))
    expect(await one.refusal(update('a', { weight: 6 }), 2)).to.include({ code: 'LIMPET_ERR_ROSTER_VERSION' })
    expect(store.found.record?.overlay.changed).to.deep.equal({ a: { weight: 5 }, b: { weight: 8 } })
    expect(await one.change(update('b', { weight: 8 }))).to.equal(3)
  })

  it('stay as they are where the balancer that changes them is closed meanwhile', async () => {
    const store = new Store()
    const member = await Member.start(store)
    member.whileAnnounced = () => {
      member.isClosed = true
    }
    expect((await member.refusal(update('a', { weight: 5 }))).message).to.equal('it is closed')
    expect(store.found.record).to.equal(undefined)
  })

  it('are given up where others are always first', async () => {
    const store = new Store()
    const one = await Member.start(store)
    const race = (): void => {
      const version = (store.found.record?.version ?? 0) + 1
      store.put({ version, overlay: EMPTY, by: 'other', actor: '' })
      store.beforeSet = race
    }
    race()
    expect(await one.refusal(update('a', { weight: 5 }))).to.include({ code: 'LIMPET_ERR_ROSTER_VERSION' })
    expect(one.seen).to.equal('a1 b1')
  })

  it('say whether a change may have been made that the store did not answer', async () => {
    const store = new Store()
    const one = await Member.start(store)
    const fail = (isOpen: boolean) => (): never => {
      store.isOpen = isOpen
      throw new Error('some reason')
    }
    store.beforeSet = fail(true)
    const refused = await one.refusal(update('a', { weight: 5 }))
    store.beforeSet = fail(false)
    const lost = await one.refusal(update('a', { weight: 5 }))
    one.rosters.lost()
    const away = await one.refusal(update('a', { weight: 5 }))
    for (const error of [refused, lost, away]) expect(error.code).to.equal('LIMPET_ERR_CLUSTER_AWAY')
    expect(refused.message).to.include('some reason').and.to.include('nothing was changed')
    expect(lost.message).to.include('is known when it is back')
    expect(away.message).to.include('nothing was changed')
    expect(one.seen).to.equal('a1 b1')
  })

  it('are told again to a store that is behind, and taken from one that has another of the same version', async () => {
    const store = new Store()
    const one = await Member.start(store)
    await one.change(update('a', { weight: 5 }))
    const first = store.found
    await one.change(update('a', { weight: 6 }))
    const second = store.found
    store.found = first
    await one.rosters.look()
    expect(store.found).to.deep.equal(second)
    const overlay = { ...EMPTY, changed: { a: { weight: 9 } } }
    store.put({ version: 2, overlay, by: 'other', actor: '' })
    await one.rosters.look()
    await new Promise(setImmediate)
    expect(one.seen).to.equal('a9 b1')
    expect(one.status).to.include({ version: 2, newest: 2, by: 'other' })
  })

  it('let what was changed here only stay over a lost connection, and end it with their next version', async () => {
    const store = new Store()
    const one = await Member.start(store)
    await one.change(update('a', { weight: 5 }))
    one.core.apply({ set: [], removed: ['b'] })
    one.rosters.changedHere(one.core)
    one.rosters.lost()
    await one.rosters.open(store)
    await new Promise(setImmediate)
    expect([one.seen, one.status.isLocal]).to.deep.equal(['a5', true])
    await one.change(add('c'))
    expect([one.seen, one.status.isLocal]).to.deep.equal(['a5 b1 c1', false])
  })

  it('begin with what was changed at the balancer that changes something first', async () => {
    const store = new Store()
    const one = new Member()
    one.core.apply({ set: [], removed: ['b'] })
    one.rosters.begin()
    await one.rosters.open(store)
    one.rosters.serve()
    expect(one.status).to.include({ version: 0, isLocal: true })
    await one.change(add('c'))
    const other = await Member.start(store)
    expect([one.seen, other.seen]).to.deep.equal(['a1 c1', 'a1 c1'])
    await other.change(FORGET)
    expect(other.seen).to.equal('a1 b1')
  })

  it('are put on a configuration that is to hold, or refuse it', async () => {
    const store = new Store()
    const one = await Member.start(store)
    const far = update('a', { health: { type: 'http', path: '/x' } })
    await one.change(far)
    await one.change(add('c'))
    const next = config({ backends: [{ name: 'a', address: '127.0.0.1:9', weight: 3 }] })
    const { config: whole } = one.rosters.prepare(next)
    const backends = whole.pools.get('p')?.backends ?? []
    expect(backends.map(({ name, weight }) => `${name}${weight}`)).to.deep.equal(['a3', 'c1'])
    expect(next.pools.get('p')?.backends).to.have.length(1)
    const overlay = { ...EMPTY, changed: { a: { weight: 65_535 } } }
    store.put({ version: 3, overlay, by: 'other', actor: '' })
    await one.rosters.look()
    const ring = config({ placement: 'ring' })
    expect(() => one.rosters.prepare(ring))
      .to.throw('limpet backends forget')
      .with.property('code', 'LIMPET_ERR_ROSTER_REFUSED')
  })

  it('change only what is found of backends that are found, also when it comes later', async () => {
    const store = new Store()
    const found = config({ backends: { dns: 'redis.example', port: 6379 } as never })
    const one = new Member(found)
    followDiscovery(one.core, LOG)
    const { discovery } = one.core
    discovery?.adopt(BACKENDS.map(resolveBackend))
    one.core.apply({ set: BACKENDS.map(resolveBackend), removed: [] })
    one.rosters.begin()
    await one.rosters.open(store)
    one.rosters.serve()
    expect(one.status.isLocal).to.equal(false)
    await one.change(update('a', { weight: 4 }))
    expect(one.seen).to.equal('a4 b1')
    const overlay = { added: [{ name: 'z', address: '127.0.0.1:1' }], changed: { b: { weight: 3 } }, removed: ['a'] }
    store.put({ version: 2, overlay, by: 'other', actor: '' })
    await one.rosters.look()
    await new Promise(setImmediate)
    expect(one.seen).to.equal('a1 b3')
    const later = ['c', 'b'].map(name => resolveBackend({ name, address: '127.0.0.1:9' }))
    const members = discovery?.members(later, one.core.backends()) ?? []
    expect(members.map(({ name, weight }) => `${name}${weight}`)).to.deep.equal(['c1', 'b3'])
  })

  it('have bounds', async () => {
    const one = await Member.start(new Store())
    const long = `unix:/${'x'.repeat(100)}`
    const many = Array.from({ length: 10_000 }, (_, at) => ({ name: `n${at}`, address: long }))
    const flood: RosterEdit = { what: 'many', isRebased: true, apply: () => ({ ...EMPTY, added: many }) }
    expect(await one.refusal(flood)).to.include({ code: 'LIMPET_ERR_TOO_MANY_BACKENDS' })
    const steps = Array.from({ length: 16 }, () => ({ send: 'x'.repeat(200) }))
    const huge = Array.from({ length: 5000 }, (_, at) => ({ name: `n${at}`, address: long, health: { steps } }))
    const text = JSON.stringify({ ...EMPTY, added: huge })
    expect(text.length).to.be.above(MOST_CHARACTERS)
    expect(readRoster(['version', '1', 'id', 'x', 'at', '1', 'overlay', text]).fault).to.be.a('string')
  })

  it('are read whole or not at all', () => {
    const overlay = JSON.stringify({ ...EMPTY, removed: ['a'] })
    const right = { version: '3', id: 'x', at: '7', by: 'me', actor: '', overlay }
    const read = (fields: object): FoundRoster => readRoster(Object.entries(fields).flat())
    expect(read(right)).to.deep.equal({
      stamp: '3 x',
      record: { version: 3, id: 'x', at: 7, by: 'me', actor: '', overlay: { ...EMPTY, removed: ['a'] } },
      fault: undefined,
    })
    expect(readRoster([])).to.deep.equal({ stamp: NO_STAMP, record: undefined, fault: undefined })
    const wrong = [
      { version: '0' },
      { version: '-1' },
      { version: '1e3' },
      { version: '9'.repeat(30) },
      { at: 'now' },
      { overlay: '' },
      { overlay: 'null' },
      { overlay: '{"added":[],"changed":{}}' },
      { overlay: '{"added":[],"changed":{},"removed":[],"more":1}' },
      { overlay: '{"added":[{"name":"z"}],"changed":{},"removed":[]}' },
      { overlay: '{"added":[],"changed":{"a":{"weight":-1}},"removed":[]}' },
    ]
    for (const fields of wrong) {
      const { record, fault } = read({ ...right, ...fields })
      expect(record, JSON.stringify(fields)).to.equal(undefined)
      expect(fault, JSON.stringify(fields)).to.be.a('string')
    }
  })

  it('are named where their versions are others', () => {
    expect(rosterDifferences({ p: 1, q: 2 }, { p: 1, q: 3, r: 9 })).to.have.length(1)
    expect(rosterDifferences({ p: 1 }, { p: 1 })).to.deep.equal([])
    expect(rosterDifferences({ p: 1 }, undefined)).to.have.length(1)
    expect(rosterDifferences(undefined, undefined)).to.deep.equal([])
  })
})

describe('an edit of a shared roster', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'constructor')
  const step = fc.record({ name, weight: fc.integer({ min: -1, max: 3 }) })

  it('makes of the backends what it would make of them one by one, and leaves what does not fit', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const configured = BACKENDS.map(resolveBackend)
        const model = new Map(configured.map(backend => [backend.name, backend.weight]))
        const foreign: PoolOverlay = { added: [], changed: { x: { weight: 2 } }, removed: ['y'] }
        let overlay = foreign
        for (const { name, weight } of steps) {
          const after = weight < 0 ? undefined : resolveBackend({ name, address: '127.0.0.1:9', weight })
          overlay = backendEdit(name, '', () => after).apply(overlay, configured)
          if (weight < 0) model.delete(name)
          else model.set(name, weight)
        }
        const { backends } = withOverlay(configured, JSON.parse(JSON.stringify(overlay)) as PoolOverlay)
        expect(backends.map(({ name, weight }) => [name, weight])).to.have.deep.members([...model])
        expect(overlay.changed.x).to.deep.equal({ weight: 2 })
        expect(overlay.removed).to.include('y')
      }),
    )
  })

  it('back to what is configured leaves nothing', () => {
    const configured = BACKENDS.map(resolveBackend)
    const all = [
      update('a', { weight: 2 }),
      add('c'),
      update('a', { weight: 1 }),
      backendEdit('c', '', () => undefined),
    ]
    expect(all.reduce((overlay, edit) => edit.apply(overlay, configured), EMPTY)).to.deep.equal(EMPTY)
  })
})
