import { expect } from 'chai'
import fc from 'fast-check'
import { Balancer } from '../../src/balancer.ts'
import { Placement, type PlacementSettings } from '../../src/core/placement.ts'
import { StickTable, type StickTableSettings } from '../../src/core/stick-table.ts'
import { type NativeAddon, native } from '../../src/native.ts'
import { thrownCode } from '../lifecycle/helpers.ts'

const BACKENDS = [{ name: 'a' }, { name: 'b', weight: 2 }, { name: 'c', weight: 0 }]

describe('Placement', () => {
  it('agrees with a pool of the same settings', () => {
    const secret = 'a secret of tests'
    const address = '127.0.0.1:9'
    for (const placement of ['rendezvous', 'ring'] as const) {
      const backends = BACKENDS.map(backend => ({ ...backend, address }))
      const pool = new Balancer({
        pools: { p: { placement, secret, stickTable: 'off', backends } },
        log: { level: 'silent' },
      }).pool()
      const alone = new Placement({ placement, secret, backends: [...BACKENDS].reverse() })
      expect(alone.digest).to.equal(pool.digest)
      fc.assert(
        fc.property(fc.ipV4(), client => {
          expect(alone.home(client)).to.equal(pool.explain(client).home)
          expect(alone.order(client)).to.deep.equal(pool.explain(client).order)
        }),
      )
    }
  })

  it('places bytes', () => {
    const placement = new Placement({ backends: BACKENDS, secret: Buffer.from('a secret of tests') })
    const key = Buffer.from('session-cookie')
    expect(placement.home(key)).to.equal(placement.order(key)[0])
    expect(placement.order(key)).to.have.members(['a', 'b'])
    const homes = new Set(Array.from({ length: 100 }, (_, index) => placement.home(Buffer.from(`key ${index}`))))
    expect(homes).to.deep.equal(new Set(['a', 'b']))
  })

  it('cuts addresses to its prefixes', () => {
    const backends = Array.from({ length: 100 }, (_, index) => ({ name: `b${index}` }))
    const placement = new Placement({ backends, ipv4Prefix: 24, ipv6Prefix: 48 })
    expect(placement.order('192.0.2.1')).to.deep.equal(placement.order('192.0.2.250'))
    expect(placement.order('::ffff:192.0.2.9')).to.deep.equal(placement.order('192.0.2.1'))
    expect(placement.order('2001:db8:1::1')).to.deep.equal(placement.order('2001:db8:1:ffff::1'))
    expect(placement.order('192.0.3.1')).to.not.deep.equal(placement.order('192.0.2.1'))
  })

  it('knows its shares', () => {
    const shares = new Placement({ backends: BACKENDS }).shares()
    expect([...shares.keys()]).to.deep.equal(['a', 'b', 'c'])
    expect(shares.get('c')).to.equal(0)
    expect(shares.get('b')).to.be.closeTo(2 / 3, 0.01)
    expect((shares.get('a') ?? 0) + (shares.get('b') ?? 0)).to.be.closeTo(1, 1e-9)
  })

  it('has no homes without backends', () => {
    const placement = new Placement({ backends: [] })
    expect(placement.home('192.0.2.1')).to.equal(undefined)
    expect(placement.order('192.0.2.1')).to.deep.equal([])
  })

  const mistakes: [string, PlacementSettings, string][] = [
    ['a name twice', { backends: [{ name: 'a' }, { name: 'a' }] }, 'LIMPET_ERR_BACKEND_EXISTS'],
    ['an empty name', { backends: [{ name: '' }] }, 'ERR_OUT_OF_RANGE'],
    ['no name', { backends: [{} as { name: string }] }, 'ERR_INVALID_ARG_TYPE'],
    ['a weight too large', { backends: [{ name: 'a', weight: 65_536 }] }, 'ERR_OUT_OF_RANGE'],
    ['a broken weight', { backends: [{ name: 'a', weight: 0.5 }] }, 'ERR_OUT_OF_RANGE'],
    ['an unknown placement', { backends: [], placement: 'maglev' as 'ring' }, 'ERR_OUT_OF_RANGE'],
    ['a short secret', { backends: [], secret: 'short' }, 'LIMPET_ERR_BAD_SECRET'],
    ['a secret that is a number', { backends: [], secret: 12_345_678 as unknown as string }, 'ERR_INVALID_ARG_TYPE'],
    ['a prefix too long', { backends: [], ipv4Prefix: 33 }, 'ERR_OUT_OF_RANGE'],
    ['a ring too large', { backends: [{ name: 'a', weight: 12_501 }], placement: 'ring' }, 'ERR_OUT_OF_RANGE'],
  ]
  for (const [what, settings, code] of mistakes) {
    it(`refuses ${what}`, () => expect(thrownCode(() => new Placement(settings))).to.equal(code))
  }

  it('refuses what is no key', () => {
    const placement = new Placement({ backends: BACKENDS })
    for (const key of ['', 'nonsense', '192.0.2.1:80', 'fe80::1%eth0']) {
      expect(
        thrownCode(() => placement.home(key)),
        key,
      ).to.equal('LIMPET_ERR_BAD_ADDRESS')
      expect(
        thrownCode(() => placement.order(key)),
        key,
      ).to.equal('LIMPET_ERR_BAD_ADDRESS')
    }
    expect(thrownCode(() => placement.home(new Uint8Array()))).to.equal('ERR_OUT_OF_RANGE')
    expect(thrownCode(() => placement.home(new Uint8Array(65_537)))).to.equal('ERR_OUT_OF_RANGE')
    expect(thrownCode(() => placement.home(7 as unknown as string))).to.equal('ERR_INVALID_ARG_TYPE')
  })
})

describe('StickTable', () => {
  it('keeps values of addresses and of bytes', () => {
    const table = new StickTable({ size: 100, ttl: '1m', ipv4Prefix: 24 })
    expect(table.get('192.0.2.1')).to.equal(undefined)
    expect(table.set('192.0.2.1', 7)).to.equal(true)
    expect(table.set(Buffer.from('a cookie'), 16_382)).to.equal(true)
    expect([table.get('192.0.2.99'), table.get('192.0.3.1'), table.get(Buffer.from('a cookie'))]).to.deep.equal([
      7,
      undefined,
      16_382,
    ])
    expect(table.set('192.0.2.1', 8)).to.equal(true)
    expect([table.get('192.0.2.1'), table.size]).to.deep.equal([8, 2])
    expect([table.delete('192.0.2.1'), table.delete('192.0.2.1'), table.get('192.0.2.1')]).to.deep.equal([
      true,
      false,
      undefined,
    ])
    table.clear()
    expect([table.size, [...table]]).to.deep.equal([0, []])
  })

  it('lists its entries', () => {
    const table = new StickTable({ size: 5000, ttl: 60_000 })
    const clients = Array.from({ length: 3000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
    for (const [index, client] of clients.entries()) table.set(client, index % 100)
    const entries = [...table.entries()]
    expect(new Map(entries.map(({ key, value }) => [key, value]))).to.deep.equal(
      new Map(clients.map((client, index) => [`${client}/32`, index % 100])),
    )
    for (const { expiresInMs } of entries) expect(expiresInMs).to.be.within(50_000, 62_000)
    expect(table.capacity).to.equal(5000)
    expect(table.bytes / table.capacity).to.be.below(30)
  })

  it('forgets what was not used for its time to live', () => {
    const table = new StickTable({ size: 100, ttl: '10s' })
    table.set('192.0.2.1', 1)
    table.set('192.0.2.2', 2)
    table.advance(8000)
    expect(table.get('192.0.2.1')).to.equal(1)
    table.advance(8000)
    expect([table.get('192.0.2.1'), table.get('192.0.2.2')]).to.deep.equal([1, undefined])
  })

  const mistakes: [string, StickTableSettings, string][] = [
    ['no size', { size: 0, ttl: 1000 }, 'ERR_OUT_OF_RANGE'],
    ['a size that is a text', { size: '5' as unknown as number, ttl: 1000 }, 'ERR_INVALID_ARG_TYPE'],
    ['a time too short', { size: 1, ttl: 10 }, 'ERR_OUT_OF_RANGE'],
    ['a time without a unit', { size: 1, ttl: '10' }, 'ERR_OUT_OF_RANGE'],
    ['no time', { size: 1, ttl: undefined as unknown as string }, 'ERR_INVALID_ARG_TYPE'],
  ]
  for (const [what, settings, code] of mistakes) {
    it(`refuses ${what}`, () => expect(thrownCode(() => new StickTable(settings))).to.equal(code))
  }

  it('has an error of its own for a table that finds no memory, as a pool has', () => {
    const addon = native() as { -readonly [Key in keyof NativeAddon]: NativeAddon[Key] }
    const { Pool, StickTable: Table } = addon
    const noMemory = class {
      constructor() {
        throw new RangeError('out of memory')
      }
    }
    Object.assign(addon, { Pool: noMemory, StickTable: noMemory })
    try {
      const balancer = new Balancer({ pools: { p: {} }, log: { level: 'silent' } })
      for (const act of [() => new StickTable({ size: 1e8, ttl: '1m' }), () => balancer.pick('192.0.2.1')]) {
        expect(thrownCode(act)).to.equal('LIMPET_ERR_NO_MEMORY')
      }
    } finally {
      Object.assign(addon, { Pool, StickTable: Table })
    }
  })

  it('refuses what is no key and no value', () => {
    const table = new StickTable({ size: 10, ttl: '1m' })
    expect(thrownCode(() => table.get('nonsense'))).to.equal('LIMPET_ERR_BAD_ADDRESS')
    expect(thrownCode(() => table.set('nonsense', 1))).to.equal('LIMPET_ERR_BAD_ADDRESS')
    expect(table.delete('nonsense')).to.equal(false)
    expect(thrownCode(() => table.set('192.0.2.1', 16_383))).to.equal('ERR_OUT_OF_RANGE')
    expect(thrownCode(() => table.set('192.0.2.1', -1))).to.equal('ERR_OUT_OF_RANGE')
    expect(thrownCode(() => table.get(new Uint8Array()))).to.equal('ERR_OUT_OF_RANGE')
  })
})
