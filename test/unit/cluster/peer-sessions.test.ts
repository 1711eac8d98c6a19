import { expect } from 'chai'
import fc from 'fast-check'
import { backend } from '../../../src/admin/schemas/backend.ts'
import type { PoolOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedPool } from '../../../src/config/resolved.ts'
import { DEFINITIONS } from '../../../src/metrics/definitions.ts'
import { Outcome } from '../../../src/native.ts'
import { PoolCore } from '../../../src/pool/core.ts'
import { infoOf } from '../../../src/pool/pool.ts'
import { Loads } from '../../../src/simulation/loads.ts'
import { Roster } from '../../../src/simulation/roster.ts'
import { bound } from '../../helpers/oracle/picker.ts'
import { nthAddress } from '../../helpers/oracle/random.ts'

const NAMES = ['0', '1', '2', '3', '4']
const FACTOR = 1.25

function settingsOf(names: readonly string[], options: Partial<PoolOptions> = {}): ResolvedPool {
  const backends = names.map(name => ({ name, address: '127.0.0.1:1' }))
  const pool: PoolOptions = {
    secret: 'a secret of tests',
    boundedLoad: FACTOR,
    stickTable: 'off',
    backends,
    ...options,
  }
  const settings = resolveOptions({ pools: { p: pool } }).pools.get('p') ?? expect.fail()
  return { ...settings, boundScope: 'cluster' }
}

/** A balancer of a cluster: its pool, its sessions, and what it was told. */
class Member {
  readonly core: PoolCore
  readonly names: readonly string[]
  readonly own = new Map<string, number>()
  told: ReadonlyMap<string, number> = new Map()
  readonly #held: { handle: number; backend: string }[] = []

  constructor(names: readonly string[] = NAMES, options: Partial<PoolOptions> = {}) {
    this.names = names
    this.core = new PoolCore(settingsOf(names, options))
  }

  /** As it has told, and been told. */
  load(name: string): number {
    return (this.own.get(name) ?? 0) + (this.told.get(name) ?? 0)
  }

  order(client: string): string[] {
    const { order } = this.core.native.explain(client) ?? expect.fail()
    return Array.from(order, index => this.core.backendAt(index).name)
  }

  pick(client: string): string {
    const packed = this.core.native.pick(client)
    expect(packed).to.be.at.least(0)
    const backend = this.core.backendAt(Math.floor(packed / 16) % 2 ** 16).name
    this.#held.push({ handle: Math.floor(packed / 2 ** 20), backend })
    this.own.set(backend, (this.own.get(backend) ?? 0) + 1)
    return backend
  }

  end(which: number): string | undefined {
    const [ended] = this.#held.splice(which % Math.max(1, this.#held.length), 1)
    if (ended === undefined) return undefined
    this.core.native.release(ended.handle, Outcome.served)
    this.own.set(ended.backend, (this.own.get(ended.backend) ?? 0) - 1)
    return ended.backend
  }

  hear(sessions: ReadonlyMap<string, number>): void {
    this.told = sessions
    this.core.peers.set(sessions)
  }
}

/** As through a store: each is told what all the others have. */
function tellEachOther(members: readonly Member[]): void {
  for (const member of members) {
    const sum = new Map<string, number>()
    for (const other of members.filter(one => one !== member))
      for (const [name, sessions] of other.core.peers.local()) sum.set(name, (sum.get(name) ?? 0) + sessions)
    member.hear(sum)
  }
}

/** Where the bound, as it is written down, has a client go; whoever the member does not know counts nowhere. */
function judge(member: Member, client: string): string {
  const total = member.names.reduce((sum, name) => sum + member.load(name), 0)
  const most = bound(FACTOR * 1000, total, 1, member.names.length)
  return member.order(client).find(name => member.load(name) < most) ?? expect.fail('the oracle found no seat')
}

const OPERATION = fc.oneof(
  { weight: 60, arbitrary: fc.record({ client: fc.integer({ min: 0, max: 50 }), at: fc.nat(2) }) },
  { weight: 30, arbitrary: fc.record({ end: fc.nat(), at: fc.nat(2) }) },
  { weight: 5, arbitrary: fc.constant('tell' as const) },
)

describe('balancers with one bound', () => {
  it('send each client where there is room by what they were told, however old that is', () => {
    fc.assert(
      fc.property(fc.array(OPERATION, { minLength: 50, maxLength: 300 }), operations => {
        const members = [new Member(), new Member(), new Member([...NAMES.slice(1), 'new'])]
        for (const operation of operations) {
          if (operation === 'tell') tellEachOther(members)
          else {
            const member = members[operation.at] ?? expect.fail()
            if ('end' in operation) member.end(operation.end)
            else {
              const client = nthAddress(operation.client)
              const wanted = judge(member, client)
              expect(member.pick(client)).to.equal(wanted)
            }
          }
        }
        for (const { core } of members) core.close()
      }),
      { numRuns: 25 },
    )
  })

  for (const between of [1, 40]) {
    it(`have no more than c times the mean of all, and what came untold, told every ${between}`, () => {
      const members = [new Member(), new Member()]
      // A crowd of one key at one of them, which alone would stay within its own bound.
      for (let i = 0; i < 400; i++) {
        if (i % between === 0) tellEachOther(members)
        members[i % 4 === 0 ? 0 : 1]?.pick(i % 4 === 0 ? '192.0.2.1' : nthAddress(i))
      }
      const total = (name: string): number => members.reduce((sum, { own }) => sum + (own.get(name) ?? 0), 0)
      expect(Math.max(...NAMES.map(total))).to.be.at.most(Math.ceil((FACTOR * 400) / NAMES.length) + between - 1)
      for (const { core } of members) core.close()
    })
  }

  it('go where limpet simulate cluster has them go', () => {
    const members = [new Member(), new Member(), new Member()]
    const options = { balancers: 3, backends: 5, factor: FACTOR, scope: 'cluster', changes: [] } as never
    const model = new Loads(options, new Roster(NAMES.length, 1), NAMES.length)
    for (let i = 0; i < 600; i++) {
      if (i % 25 === 0) {
        tellEachOther(members)
        model.tell()
      }
      const at = i % 3
      const member = members[at] ?? expect.fail()
      const order = member.order(nthAddress(i % 90)).map(Number)
      const chosen = model.choose(at, () => order, order[0] ?? -1)
      expect(member.pick(nthAddress(i % 90))).to.equal(String(chosen))
      model.add(at, chosen, 1)
      const left = i % 2 === 0 ? member.end(i) : undefined
      if (left !== undefined) model.add(at, Number(left), -1)
    }
    for (const { core } of members) core.close()
  })

  it('tell of sessions whose backend was removed, and keep none of what was told of it', () => {
    const member = new Member(['a', 'b'])
    for (let i = 0; i < 9; i++) member.pick(nthAddress(i))
    const before = new Map(member.core.peers.local())
    expect([...before]).to.have.deep.members([...member.own])
    member.hear(new Map([['a', 70]]))
    member.core.apply({ set: [], removed: ['a'] })
    expect(new Map(member.core.peers.local())).to.deep.equal(before)
    const b = member.core.settings.backends.find(({ name }) => name === 'b') ?? expect.fail()
    // It comes back, at another index: what it has is one number.
    member.core.apply({ set: [{ ...b, name: 'a' }], removed: [] })
    expect(new Map(member.core.peers.local())).to.deep.equal(before)
    expect(infoOf(member.core).map(({ name, peerSessions }) => [name, peerSessions])).to.deep.equal([
      ['b', 0],
      ['a', 0],
    ])
    member.hear(new Map([['a', 70]]))
    expect(infoOf(member.core)[1]).to.include({ peerSessions: 70, bound: 0, takesNew: true })
    member.core.close()
  })

  it('hold a limit each for itself', () => {
    const backends = ['a', 'b'].map(name => ({ name, address: '127.0.0.1:1', maxSessions: 3 }))
    const member = new Member(['a', 'b'], { backends })
    member.hear(new Map([['a', 100]]))
    const came = Array.from({ length: 6 }, (_, i) => member.pick(nthAddress(i)))
    expect(came.filter(name => name === 'a')).to.have.length(3)
    member.core.close()
  })

  it('count the others no more once the scope is local', () => {
    const member = new Member(['a', 'b'])
    member.hear(new Map([['a', 50]]))
    expect(infoOf(member.core).map(info => info.peerSessions)).to.deep.equal([50, 0])
    member.core.reconfigure({ ...member.core.settings, boundScope: 'local' })
    member.hear(new Map([['a', 50]]))
    expect(infoOf(member.core).map(info => [info.peerSessions, info.bound])).to.deep.equal([
      [undefined, 1],
      [undefined, 1],
    ])
    member.core.reconfigure({ ...member.core.settings, boundScope: 'cluster' })
    expect(infoOf(member.core).map(info => info.peerSessions)).to.deep.equal([0, 0])
    member.core.close()
  })

  it('tell the admin API and the metrics what the others have', () => {
    const member = new Member(['a', 'b'])
    member.hear(new Map([['b', 5]]))
    const told = (): unknown => {
      const backends = infoOf(member.core).map(info => backend.parse(info))
      const metric = DEFINITIONS.find(({ name }) => name === 'limpet_backend_peer_sessions')
      return metric?.read({ pools: { p: { backends } } } as never)
    }
    expect(told()).to.deep.equal([
      { labels: { pool: 'p', backend: 'a' }, value: 0 },
      { labels: { pool: 'p', backend: 'b' }, value: 5 },
    ])
    member.core.reconfigure({ ...member.core.settings, boundScope: 'local' })
    expect(told()).to.deep.equal([])
    member.core.close()
  })

  it('take no number for sessions that is none', () => {
    const member = new Member()
    for (const sessions of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => member.core.peers.set(new Map([['0', sessions]]))).to.throw(RangeError)
    member.core.peers.set(new Map([['0', Number.MAX_SAFE_INTEGER]]))
    expect(infoOf(member.core)[0]?.peerSessions).to.equal(2 ** 32 - 1)
    expect(member.pick(nthAddress(1))).not.to.equal('0')
    member.core.close()
  })
})
