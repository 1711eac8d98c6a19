import { expect } from 'chai'
import fc from 'fast-check'
import { type Exception, PoolExceptions, type SharedPin } from '../../../src/cluster/exceptions/pool-exceptions.ts'
import { OtherHomes } from '../../../src/cluster/switches/other-homes.ts'
import type { PoolOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedBackend } from '../../../src/config/resolved.ts'
import { Outcome } from '../../../src/native.ts'
import { PoolCore } from '../../../src/pool/core.ts'
import { membershipChange } from '../../../src/pool/membership.ts'

const NAMES = ['a', 'b', 'c', 'd']
const TTL_MS = 30 * 60_000
const EVERYTHING = { idleMs: Number.MAX_SAFE_INTEGER, withAdopted: true }
const NONE = { stored: 0, same: 0, lives: 0, full: 0, unknown: 0, forgotten: 0 }

/** A pool, what it shares, and clients that come to it. */
class Member {
  readonly core: PoolCore
  readonly exceptions: PoolExceptions

  constructor(pool: Partial<PoolOptions> = {}, most = 1000) {
    const backends = NAMES.map(name => ({ name, address: '127.0.0.1:1' }))
    const options = { secret: 'a secret of tests', stickTable: { size: 10_000, ttl: TTL_MS }, backends, ...pool }
    const settings = resolveOptions({ pools: { p: options as PoolOptions } }).pools.get('p')
    this.core = new PoolCore(settings ?? expect.fail())
    this.exceptions = new PoolExceptions(this.core, most)
  }

  home(client: string): string {
    return this.core.clientPlace(client)?.home ?? expect.fail()
  }

  away(client: string): string {
    return NAMES.find(name => name !== this.home(client)) ?? expect.fail()
  }

  /** A session begins; where. */
  begin(client: string): { handle: number; backend: string } {
    const packed = this.core.native.pick(client)
    expect(packed).to.be.at.least(0)
    const handle = Math.floor(packed / 2 ** 20)
    this.core.native.confirm(handle)
    return { handle, backend: this.core.backendAt(Math.floor(packed / 16) % 2 ** 16).name }
  }

  visit(client: string): string {
    const { handle, backend } = this.begin(client)
    this.core.native.release(handle, Outcome.served)
    return backend
  }

  pin(client: string, backend: string): void {
    const { index, generation } = this.core.placeOf(backend) ?? expect.fail()
    expect(this.core.native.setPin(client, index, generation, TTL_MS)).to.equal(true)
  }

  take(): Exception[] {
    return this.exceptions.take(10_000)
  }

  list(options = EVERYTHING): SharedPin[] {
    const pins: SharedPin[] = []
    for (let from: number | undefined = 0; from !== undefined; ) {
      const part: { pins: SharedPin[]; next?: number } = this.exceptions.list(from, 1000, options)
      pins.push(...part.pins)
      from = part.next
    }
    return pins
  }

  becoming(backends: readonly ResolvedBackend[]): SharedPin[] {
    const homes = new OtherHomes(this.core, backends)
    const pins: SharedPin[] = []
    for (let from: number | undefined = 0; from !== undefined; ) {
      const part: { pins: SharedPin[]; next?: number } = this.exceptions.listBecoming(from, 1000, homes)
      pins.push(...part.pins)
      from = part.next
    }
    return pins
  }

  adopt(taken: readonly Exception[]): Record<string, number> {
    return this.exceptions.adopt(
      taken.map(({ key, backend, kind }) => ({ key, backend, ttlMs: kind === 'made' ? TTL_MS : 0 })),
    )
  }
}

function newBackend(name: string): ResolvedBackend {
  const address = { kind: 'ip', host: '127.0.0.1', family: 4, port: 1, needsLookup: false } as const
  return { name, address, weight: 1, maxSessions: 0, backup: false, state: 'ready' }
}

describe('exceptions of a pool', () => {
  const members: Member[] = []

  afterEach(() => {
    for (const { core } of members.splice(0)) core.close()
  })

  function member(pool: Partial<PoolOptions> = {}, most?: number): Member {
    const made = new Member(pool, most)
    members.push(made)
    return made
  }

  it('of clients past the bound of their home lead them to the same backend at another balancer', () => {
    const [one, other] = [member({ boundedLoad: 1 }), member({ boundedLoad: 1 })]
    const clients = Array.from({ length: 200 }, (_, at) => `192.0.2.${at}`)
    const begun = clients.map(client => one.begin(client))
    const off = clients.filter((client, at) => begun[at]?.backend !== one.home(client))
    const taken = one.take()
    expect(taken).to.have.length(off.length)
    expect(other.adopt(taken)).to.deep.equal({ ...NONE, stored: off.length })
    expect(clients.map(client => other.visit(client))).to.deep.equal(begun.map(({ backend }) => backend))
    // What was adopted is told to nobody.
    expect(other.take()).to.deep.equal([])
  })

  it('tell nothing of an address, and the same key for the same client', () => {
    const [one, other] = [member(), member()]
    one.pin('192.0.2.7', one.away('192.0.2.7'))
    other.pin('192.0.2.7', one.away('192.0.2.7'))
    const [first] = one.take()
    expect(first?.key).to.match(/^[\w-]{22}$/)
    expect(other.take()).to.deep.equal([first])
  })

  it('that move say where they were, and those that end are forgotten elsewhere', () => {
    const [one, other] = [member(), member()]
    const client = '2001:db8::1'
    const [first = '', second = ''] = NAMES.filter(name => name !== one.home(client))
    one.pin(client, first)
    one.pin(client, second)
    const [made, moved] = one.take()
    expect(made).to.include({ kind: 'made', backend: first, before: undefined })
    expect(moved).to.include({ kind: 'made', backend: second, before: first })
    other.adopt(moved === undefined ? [] : [moved])
    expect(other.visit(client)).to.equal(second)
    one.core.native.erasePin(client)
    const ended = one.take()
    expect(ended).to.deep.equal([{ key: moved?.key, kind: 'ended', backend: second }])
    expect(other.adopt(ended)).to.deep.equal({ ...NONE, forgotten: 1 })
    expect(other.visit(client)).to.equal(other.home(client))
  })

  it('move no session that lives, and end none by another backend', () => {
    const [one, other] = [member(), member()]
    const client = '192.0.2.9'
    one.pin(client, one.away(client))
    const made = one.take()
    const { handle, backend } = other.begin(client)
    expect(other.adopt(made)).to.deep.equal({ ...NONE, lives: 1 })
    expect(other.visit(client)).to.equal(backend)
    one.core.native.erasePin(client)
    expect(other.adopt(one.take())).to.deep.equal(NONE)
    expect(other.visit(client)).to.equal(backend)
    other.core.native.release(handle, Outcome.served)
  })

  it('lead the next connection elsewhere where they were first, and move no session', () => {
    const [one, other] = [member(), member()]
    const client = '192.0.2.9'
    one.pin(client, one.away(client))
    const [made] = one.take()
    const { handle, backend } = other.begin(client)
    const pin = { key: made?.key ?? '', backend: made?.backend ?? '', ttlMs: TTL_MS }
    expect(other.exceptions.adopt([pin], { despiteSessions: true })).to.deep.equal({ ...NONE, stored: 1 })
    expect(other.visit(client)).to.equal(pin.backend)
    other.core.native.release(handle, Outcome.served)
    expect(backend).to.not.equal(pin.backend)
    expect(other.visit(client)).to.equal(pin.backend)
  })

  it('of unknown backends, of other secrets, and what is no key are counted', () => {
    const [one, stranger] = [member(), member({ secret: 'another secret' })]
    one.pin('192.0.2.1', one.away('192.0.2.1'))
    const taken = one.take()
    expect(stranger.adopt(taken)).to.deep.equal({ ...NONE, unknown: 1 })
    const key = taken[0]?.key ?? expect.fail()
    const bad = [
      { key, backend: 'nobody', ttlMs: TTL_MS },
      { key: 'short', backend: 'a', ttlMs: TTL_MS },
      { key: '', backend: 'a', ttlMs: TTL_MS },
    ]
    expect(one.exceptions.adopt(bad)).to.deep.equal({ ...NONE, unknown: 3 })
  })

  it('that nobody takes are lost, the oldest first, and counted', () => {
    const one = member({}, 10)
    for (let at = 0; at < 25; at++) one.pin(`192.0.2.${at}`, one.away(`192.0.2.${at}`))
    const gauges = new Float64Array(10)
    one.core.native.gauges(gauges)
    expect([...gauges.subarray(8)]).to.deep.equal([10, 15])
    expect(one.take()).to.have.length(10)
    expect(one.list()).to.have.length(25)
  })

  it('are listed by the membership of now', () => {
    const one = member()
    const clients = Array.from({ length: 300 }, (_, at) => `198.51.100.${at % 250}`)
    const before = new Map(clients.map(client => [client, one.visit(client)]))
    expect(one.list()).to.deep.equal([])
    const d = one.core.backend('d') ?? expect.fail()
    one.core.apply({ set: [{ ...d, weight: 3 }], removed: [] })
    const moved = [...before].filter(([client, backend]) => one.home(client) !== backend)
    const listed = one.list()
    expect(listed).to.have.length(moved.length).above(0)
    const other = member()
    other.core.apply({ set: [{ ...d, weight: 3 }], removed: [] })
    other.exceptions.adopt(listed)
    expect(moved.map(([client]) => other.visit(client))).to.deep.equal(moved.map(([, backend]) => backend))
    // Those that only others use are theirs to tell.
    const third = member()
    third.core.apply({ set: [{ ...d, weight: 3 }], removed: [] })
    third.exceptions.adopt(listed)
    expect(third.list()).to.have.length(listed.length)
    expect(third.list({ ...EVERYTHING, withAdopted: false })).to.deep.equal([])
  })

  it('that a change of the backends will make are listed before it, and are the same after it', () => {
    const one = member()
    const clients = Array.from({ length: 300 }, (_, at) => `203.0.113.${at % 250}`)
    for (const client of clients) one.visit(client)
    // An exception already, and to one that is gone then.
    one.pin('198.51.100.1', one.away('198.51.100.1'))
    const next = [...one.core.backends()].filter(({ name }) => name !== 'c')
    const backends = [
      ...next.map(backend => (backend.name === 'd' ? { ...backend, weight: 3 } : backend)),
      newBackend('e'),
    ]
    const becoming = one.becoming(backends)
    const added = membershipChange(one.core.backends(), backends)
    one.core.apply(added)
    const sorted = (pins: SharedPin[]): string[] => pins.map(({ key, backend }) => `${key} ${backend}`).sort()
    const after = one.list()
    expect(becoming.length).to.be.above(10)
    expect(sorted(after)).to.include.members(sorted(becoming))
    expect(after.length - becoming.length).to.be.at.most(1)
  })

  it('that are new while others have other homes are told, too, if they are exceptions there', () => {
    const [one, other] = [member(), member()]
    const backends = [...one.core.backends(), newBackend('e')]
    const homes = new OtherHomes(one.core, backends)
    one.core.native.shareBeside(homes.placement, homes.identities())
    const clients = Array.from({ length: 250 }, (_, at) => `203.0.113.${at}`)
    for (const client of clients) one.visit(client)
    other.adopt(one.take())
    other.core.apply(membershipChange(other.core.backends(), backends))
    const moved = clients.filter(client => other.home(client) !== one.home(client))
    expect(moved).to.not.be.empty
    expect(clients.map(client => other.visit(client))).to.deep.equal(clients.map(client => one.visit(client)))
    one.core.native.shareBeside()
    one.visit('198.51.100.77')
    expect(one.take()).to.deep.equal([])
  })

  it('leave two pools with the same pins, whatever was pinned and ended in which order', () => {
    const change = fc.record({ client: fc.nat({ max: 9 }), backend: fc.option(fc.constantFrom(...NAMES)) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), changes => {
        const [one, other] = [new Member(), new Member()]
        try {
          for (const { client, backend } of changes) {
            if (backend === null) one.core.native.erasePin(`192.0.2.${client}`)
            else one.pin(`192.0.2.${client}`, backend)
          }
          other.adopt(one.take())
          const sorted = (pins: SharedPin[]): string[] => pins.map(({ key, backend }) => `${key} ${backend}`).sort()
          expect(sorted(other.list())).to.deep.equal(sorted(one.list()))
        } finally {
          one.core.close()
          other.core.close()
        }
      }),
      { numRuns: 50 },
    )
  })
})
