import { expect } from 'chai'
import fc from 'fast-check'
import { Balancer } from '../../src/balancer.ts'
import type { BackendChange } from '../../src/balancer-types.ts'
import type { BackendOptions, BalancerOptions, PoolOptions } from '../../src/config/options.ts'
import type { Pool } from '../../src/pool/pool.ts'
import { thrownCode } from '../lifecycle/helpers.ts'

const NAMES = ['a', 'b', 'c', 'd']
const CLIENTS = Array.from({ length: 300 }, (_, index) => `198.51.${index >> 8}.${index & 255}`)

function backendsNamed(names: readonly string[], more: Partial<BackendOptions> = {}): BackendOptions[] {
  return names.map((name, index) => ({ name, address: `127.0.0.1:${9000 + index}`, ...more }))
}

function balancerOf(pool: PoolOptions): Balancer {
  return new Balancer({
    pools: { p: { secret: 'a secret of tests', stickTable: { size: 10_000 }, ...pool } },
    log: { level: 'silent' },
  })
}

function poolOf(pool: PoolOptions = { backends: backendsNamed(NAMES) }): Pool {
  return balancerOf(pool).pool()
}

function homes(pool: Pool): Map<string, string | undefined> {
  return new Map(CLIENTS.map(client => [client, pool.explain(client).home]))
}

describe('a pool', () => {
  it('picks the home that it explains, and then the pin', () => {
    const pool = poolOf({ backends: backendsNamed(NAMES), boundedLoad: 'off' })
    for (const client of CLIENTS.slice(0, 50)) {
      const { home, order, pin, key } = pool.explain(client)
      expect([home, key, pin]).to.deep.equal([order[0], `${client}/32`, undefined])
      const decision = pool.pick(client)
      expect([decision.backend, decision.reason]).to.deep.equal([home, 'home'])
      decision.release()
      const again = pool.pick(client)
      expect([again.backend, again.reason]).to.deep.equal([home, 'pin'])
      again.release()
    }
  })

  it('says how long a pin lasts, unless it is in use', () => {
    const pool = poolOf()
    const decision = pool.pick('192.0.2.1')
    expect(pool.explain('192.0.2.1').pin).to.deep.equal({ backend: decision.backend, expiresInMs: undefined })
    decision.release()
    expect(pool.explain('192.0.2.1').pin?.expiresInMs).to.be.within(1_790_000, 1_801_000)
  })

  it('holds a seat until it is released, once', () => {
    const balancer = balancerOf({ backends: backendsNamed(['a'], { maxSessions: 2 }) })
    const decisions = [balancer.pick('192.0.2.1'), balancer.pick('192.0.2.2')]
    expect(thrownCode(() => balancer.pick('192.0.2.3'))).to.equal('LIMPET_ERR_POOL_FULL')
    expect(balancer.pool().backends()[0]).to.include({ sessions: 2, total: 2 })
    expect(balancer.stats().pools.p).to.include({ seats: 2, outstandingPicks: 2 })
    decisions[0]?.release()
    decisions[0]?.release()
    expect(decisions[0]?.released).to.equal(true)
    expect(balancer.pool().backends()[0]).to.include({ sessions: 1, total: 2 })
    expect(thrownCode(() => balancer.pick('192.0.2.3').release())).to.equal(undefined)
    expect(balancer.stats().pools.p?.refused).to.deep.equal({ noBackend: 0, poolFull: 1 })
  })

  it('takes a pin back when the pick failed', () => {
    const pool = poolOf()
    pool.pick('192.0.2.1').release({ failed: true })
    expect(pool.explain('192.0.2.1').pin).to.equal(undefined)
    expect(pool.backends().reduce((sum, { connectFailures }) => sum + connectFailures, 0)).to.equal(1)
  })

  it('forgets decisions when the balancer is closed', async () => {
    const balancer = balancerOf({ backends: backendsNamed(NAMES) })
    const decision = balancer.pick('192.0.2.1')
    await balancer.close()
    decision.release()
    expect(decision.released).to.equal(true)
  })

  it('gives clients without an address to the least loaded backend, without a pin', () => {
    const pool = poolOf({ backends: backendsNamed(NAMES) })
    const decisions = NAMES.map(() => pool.pick(undefined))
    expect(decisions.map(({ backend }) => backend)).to.have.members(NAMES)
    expect(new Set(decisions.map(({ reason }) => reason))).to.deep.equal(new Set(['nokey']))
    for (const decision of decisions) decision.release()
  })

  it('keeps the bound: what is too much for a backend goes elsewhere', () => {
    const pool = poolOf({ backends: backendsNamed(['a', 'b']), boundedLoad: 1 })
    const decisions = CLIENTS.slice(0, 100).map(client => pool.pick(client))
    expect(pool.backends().map(({ sessions }) => sessions)).to.deep.equal([50, 50])
    expect(decisions.some(({ reason }) => reason === 'overflow')).to.equal(true)
    for (const decision of decisions) decision.release()
  })

  it('has homes that do not depend on the order of the backends', () => {
    const expected = homes(poolOf())
    fc.assert(
      fc.property(fc.shuffledSubarray(NAMES, { minLength: NAMES.length }), names => {
        expect(homes(poolOf({ backends: backendsNamed(names) }))).to.deep.equal(expected)
      }),
      { numRuns: 5 },
    )
  })

  it('moves only homes of the backend that was removed, and back when it returns', () => {
    const pool = poolOf()
    const before = homes(pool)
    const digest = pool.digest
    pool.remove('b')
    for (const [client, home] of homes(pool)) {
      if (before.get(client) === 'b') expect(home).to.be.oneOf(['a', 'c', 'd'])
      else expect(home).to.equal(before.get(client))
    }
    expect(pool.digest).to.not.equal(digest)
    pool.add({ name: 'b', address: '127.0.0.1:9999' })
    expect(homes(pool)).to.deep.equal(before)
    expect(pool.digest).to.equal(digest)
  })

  it('publishes one roster for each change', () => {
    const balancer = balancerOf({ backends: backendsNamed(NAMES) })
    const roster = () => balancer.stats().pools.p?.roster ?? 0
    const first = roster()
    balancer.pool().add({ name: 'e', address: '127.0.0.1:1' })
    balancer.pool().update('e', { weight: 5, maxSessions: 3, address: 'unix:/tmp/e' })
    balancer.pool().remove('e')
    expect(roster() - first).to.equal(3)
  })

  it('tells of changes', () => {
    const balancer = balancerOf({ backends: backendsNamed(['a']) })
    const seen: [string, BackendChange][] = []
    for (const event of ['backendAdded', 'backendUpdated', 'backendRemoved'] as const) {
      balancer.on(event, change => seen.push([event, change]))
    }
    const pool = balancer.pool()
    pool.add({ name: 'b', address: '[::1]:80' })
    pool.update('b', { weight: 0 })
    pool.remove('b')
    const change = {
      pool: 'p',
      name: 'b',
      address: '[::1]:80',
      weight: 1,
      maxSessions: 0,
      backup: false,
      state: 'ready' as const,
    }
    expect(seen).to.deep.equal([
      ['backendAdded', change],
      ['backendUpdated', { ...change, weight: 0 }],
      ['backendRemoved', { ...change, weight: 0 }],
    ])
    expect(pool.backends().map(({ name }) => name)).to.deep.equal(['a'])
  })

  it('sends whom to a backend that its state allows, and moves no home', () => {
    const pool = poolOf({ backends: backendsNamed(NAMES), boundedLoad: 'off' })
    const before = homes(pool)
    const { digest } = pool
    const visit = (client: string): [string, string] => {
      const decision = pool.pick(client)
      decision.release()
      return [decision.backend, decision.reason]
    }
    const [pinned = '', fresh = ''] = CLIENTS.filter(client => before.get(client) === 'b')
    visit(pinned)
    pool.update('b', { state: 'drain' })
    expect(visit(pinned), 'a client with a pin').to.deep.equal(['b', 'pin'])
    expect(visit(fresh), 'a new one').to.deep.equal([pool.explain(fresh).order[1], 'failover'])
    for (const state of ['drain-hard', 'maint'] as const) {
      pool.update('b', { state })
      expect(visit(pinned)[0], state).to.equal(pool.explain(pinned).order[1])
      expect(pool.backends()[1]).to.include({ name: 'b', state })
    }
    expect(homes(pool)).to.deep.equal(before)
    expect(pool.digest).to.equal(digest)
    for (const name of NAMES) pool.update(name, { state: 'maint' })
    expect(thrownCode(() => pool.pick(pinned))).to.equal('LIMPET_ERR_NO_BACKEND')
    pool.update('b', { state: 'ready' })
    expect(visit('192.0.2.200')[0]).to.equal('b')
  })

  it('lets the sessions of a removed backend go on', () => {
    const pool = poolOf({ backends: backendsNamed(['a']) })
    const decision = pool.pick('192.0.2.1')
    pool.remove('a')
    expect(thrownCode(() => pool.pick('192.0.2.1'))).to.equal('LIMPET_ERR_NO_BACKEND')
    expect([decision.backend, decision.address]).to.deep.equal(['a', '127.0.0.1:9000'])
    decision.release()
    pool.add({ name: 'a', address: '127.0.0.1:9001' })
    expect(pool.pick('192.0.2.1').address).to.equal('127.0.0.1:9001')
    expect(pool.backends()[0]).to.include({ sessions: 1, total: 1 })
  })

  it('gives homes of many addresses at once', () => {
    const pool = poolOf()
    const { output, consumed, malformed } = pool.homes(Buffer.from('192.0.2.1\nnonsense\n2001:db8::1\n192.0.2.9'))
    const expected = ['192.0.2.1', '2001:db8::1'].map(address => `${address} ${pool.explain(address).home}`)
    expect(output.toString()).to.equal(`${expected[0]}\nnonsense !\n${expected[1]}\n`)
    expect([consumed, malformed]).to.deep.equal([31, 1])
  })

  const mistakes: [string, (pool: Pool) => unknown, string][] = [
    ['picks for no address', pool => pool.pick('nonsense'), 'LIMPET_ERR_BAD_ADDRESS'],
    ['picks for an address with a zone', pool => pool.pick('fe80::1%eth0'), 'LIMPET_ERR_BAD_ADDRESS'],
    ['picks for an empty address', pool => pool.pick(''), 'LIMPET_ERR_BAD_ADDRESS'],
    ['picks for a number', pool => pool.pick(5 as unknown as string), 'ERR_INVALID_ARG_TYPE'],
    ['explains no address', pool => pool.explain('192.0.2'), 'LIMPET_ERR_BAD_ADDRESS'],
    ['explains nothing', pool => pool.explain(undefined as unknown as string), 'ERR_INVALID_ARG_TYPE'],
    ['wants homes of a text', pool => pool.homes('192.0.2.1\n' as unknown as Buffer), 'ERR_INVALID_ARG_TYPE'],
    ['adds a name twice', pool => pool.add({ name: 'a', address: '127.0.0.1:1' }), 'LIMPET_ERR_BACKEND_EXISTS'],
    ['adds a bad weight', pool => pool.add({ name: 'z', address: '127.0.0.1:1', weight: 70_000 }), 'LIMPET_ERR_CONFIG'],
    [
      'adds an unknown option',
      pool => pool.add({ name: 'z', address: '127.0.0.1:1', wieght: 1 } as BackendOptions),
      'LIMPET_ERR_CONFIG',
    ],
    ['removes an unknown backend', pool => pool.remove('z'), 'LIMPET_ERR_UNKNOWN_BACKEND'],
    ['updates an unknown backend', pool => pool.update('z', {}), 'LIMPET_ERR_UNKNOWN_BACKEND'],
    ['updates to a bad address', pool => pool.update('a', { address: 'nowhere' }), 'LIMPET_ERR_CONFIG'],
    ['removes what has no name', pool => pool.remove(undefined as unknown as string), 'ERR_INVALID_ARG_TYPE'],
    [
      'releases with nonsense',
      pool => pool.pick('192.0.2.1').release({ failed: 1 as unknown as boolean }),
      'ERR_INVALID_ARG_TYPE',
    ],
  ]
  for (const [what, mistake, code] of mistakes) {
    it(`refuses a program that ${what}`, () => {
      const pool = poolOf()
      expect(thrownCode(() => mistake(pool))).to.equal(code)
      expect(pool.backends().map(({ name }) => name)).to.deep.equal(NAMES)
    })
  }

  it('is refused when nobody serves', () => {
    expect(thrownCode(() => poolOf({}).pick('192.0.2.1'))).to.equal('LIMPET_ERR_NO_BACKEND')
    expect(thrownCode(() => poolOf({ backends: backendsNamed(['a'], { weight: 0 }) }).pick('192.0.2.1'))).to.equal(
      'LIMPET_ERR_NO_BACKEND',
    )
  })

  it('refuses a ring that would be too large', () => {
    const pool = poolOf({ placement: 'ring', backends: backendsNamed(['a'], { weight: 12_000 }) })
    expect(thrownCode(() => pool.update('a', { weight: 13_000 }))).to.equal('LIMPET_ERR_CONFIG')
    expect(thrownCode(() => pool.add({ name: 'b', address: '127.0.0.1:1', weight: 600 }))).to.equal('LIMPET_ERR_CONFIG')
    expect(pool.backends().map(({ weight }) => weight)).to.deep.equal([12_000])
  })
})

describe('the pools of a balancer', () => {
  const pools = { one: { backends: backendsNamed(['a']) }, two: {} }
  const balancer = new Balancer({ pools, log: { level: 'silent' } })

  it('are found by name', () => {
    expect(balancer.pool('two').name).to.equal('two')
    expect(balancer.pick('192.0.2.1', { pool: 'one' }).backend).to.equal('a')
    expect(balancer.pool('one')).to.equal(balancer.pool('one'))
  })

  it('must be named when there are several, and must exist', () => {
    expect(thrownCode(() => balancer.pool())).to.equal('LIMPET_ERR_UNKNOWN_POOL')
    expect(thrownCode(() => balancer.pick('192.0.2.1'))).to.equal('LIMPET_ERR_UNKNOWN_POOL')
    expect(thrownCode(() => balancer.pool('three'))).to.equal('LIMPET_ERR_UNKNOWN_POOL')
    expect(thrownCode(() => balancer.address('nothing'))).to.equal('LIMPET_ERR_UNKNOWN_LISTENER')
    expect(thrownCode(() => balancer.address())).to.equal('LIMPET_ERR_UNKNOWN_LISTENER')
  })

  it('are checked by the constructor', () => {
    expect(thrownCode(() => new Balancer({ pools: {} }))).to.equal('LIMPET_ERR_CONFIG')
    expect(thrownCode(() => new Balancer(undefined as unknown as BalancerOptions))).to.equal('LIMPET_ERR_CONFIG')
    const listeners = [{ name: 'l', bind: ':0', pool: 'q' }]
    expect(thrownCode(() => new Balancer({ listeners, pools: { p: {} } }))).to.equal('LIMPET_ERR_CONFIG')
  })
})
