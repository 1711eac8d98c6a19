import { expect } from 'chai'
import fc from 'fast-check'
import type { ResolvedDiscovery } from '../../src/config/discovery.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import { backendOf, type FoundServer, type KnownAddresses } from '../../src/discovery/found.ts'
import {
  type Service,
  serverByName,
  serversByAddress,
  serversByTarget,
  serversByTargetAddress,
} from '../../src/discovery/servers.ts'

const NOTHING: KnownAddresses = new Map()

function service(target: string, rest: Partial<Service> = {}): Service {
  return { target, port: 6379, priority: 0, weight: 1, addresses: ['192.0.2.1'], ...rest }
}

function namesOf(servers: readonly FoundServer[]): string[] {
  return servers.map(({ name }) => name)
}

function told(servers: readonly FoundServer[]): string[] {
  return servers.map(({ name, address, weight, backup }) =>
    [name, `${address.host} ${address.port}`, weight, ...(backup ? ['backup'] : [])].join(' '),
  )
}

describe('servers that were found', () => {
  it('are called by their addresses, in canonical text', () => {
    const servers = serversByAddress(['fd00:0::1', '192.0.2.2', '::1', '::ffff:192.0.2.1', '192.0.2.2'], 80)
    expect(namesOf(servers)).to.deep.equal(['192.0.2.1', '192.0.2.2', '0::1', 'fd00::1'])
    expect(servers.map(({ address }) => address.family)).to.deep.equal([4, 4, 6, 6])
  })

  it('are one server by the name that was asked for, which stays where it is if it can', () => {
    const [low, high] = ['192.0.2.1', '192.0.2.9']
    const first = serverByName('a.test', [high, low], 80, NOTHING)
    expect(told([first])).to.deep.equal(['a.test 192.0.2.1 80 1'])
    const known = new Map([['a.test', { ...first.address, host: high }]])
    expect(serverByName('a.test', [low, high], 80, known).address.host).to.equal(high)
    expect(serverByName('a.test', [low], 80, known).address.host).to.equal(low)
  })

  it('are called by target and port of SRV records; the lowest priority serves', () => {
    const servers = serversByTarget(
      [
        service('b.test', { priority: 5 }),
        service('a.test', { priority: 2 }),
        service('a.test', { port: 1, priority: 2 }),
      ],
      NOTHING,
    )
    expect(told(servers)).to.deep.equal([
      'a.test:1 192.0.2.1 1 1',
      'a.test:6379 192.0.2.1 6379 1',
      'b.test:6379 192.0.2.1 6379 1 backup',
    ])
    // Without the first ones the others are no backups.
    expect(told(serversByTarget([service('b.test', { priority: 5 })], NOTHING))).to.deep.equal([
      'b.test:6379 192.0.2.1 6379 1',
    ])
  })

  it('have weights that say the same, however large', () => {
    const weights = (...all: number[]): number[] =>
      serversByTarget(
        all.map((weight, index) => service(`${index}.test`, { weight })),
        NOTHING,
      ).map(({ weight }) => weight)
    expect(weights(33, 33, 33)).to.deep.equal([1, 1, 1])
    expect(weights(25, 25, 25, 25)).to.deep.equal([1, 1, 1, 1])
    expect(weights(0, 0)).to.deep.equal([1, 1])
    expect(weights(10, 20, 0)).to.deep.equal([1, 2, 1])
    expect(weights(65_535, 2)).to.deep.equal([65_535, 2])
  })

  it('are each address of a target, where addresses are what counts', () => {
    const servers = serversByTargetAddress([service('a.test', { addresses: ['fd00::2', '192.0.2.5'] })])
    expect(told(servers)).to.deep.equal(['192.0.2.5:6379 192.0.2.5 6379 1', 'fd00::2:6379 fd00::2 6379 1'])
  })

  it('do not depend on the order of an answer, nor on what is there twice', () => {
    const anAddress = fc.integer({ min: 1, max: 30 }).map(last => `192.0.2.${last}`)
    const aService = fc.record({
      target: fc.constantFrom('a.test', 'b.test', 'c.test'),
      port: fc.integer({ min: 1, max: 3 }),
      priority: fc.integer({ min: 0, max: 2 }),
      weight: fc.integer({ min: 0, max: 6 }),
    })
    const withOrder = fc
      .array(aService, { minLength: 1, maxLength: 12 })
      .chain(all => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })))
    fc.assert(
      fc.property(withOrder, fc.array(anAddress, { minLength: 1 }), ([all, shuffled], addresses) => {
        const of = (services: readonly Omit<Service, 'addresses'>[]): Service[] =>
          services.map(one => ({ ...one, addresses }))
        expect(serversByTarget(of(shuffled), NOTHING)).to.deep.equal(serversByTarget(of(all), NOTHING))
        expect(serversByTargetAddress(of(shuffled))).to.deep.equal(serversByTargetAddress(of(all)))
        expect(serversByAddress([...addresses].reverse(), 80)).to.deep.equal(serversByAddress(addresses, 80))
      }),
    )
  })

  it('get what is configured for all, and names that fit', () => {
    const settings = (rest: object): ResolvedDiscovery => {
      const pool = { backends: { dns: 'a.test', type: 'SRV' as const, ...rest } }
      return resolveOptions({ pools: { p: pool } }).pools.get('p')?.discovery as ResolvedDiscovery
    }
    const [found] = serversByTarget([service('a.test', { weight: 7 }), service('b.test', { weight: 3 })], NOTHING)
    expect(backendOf(found as FoundServer, settings({}))).to.deep.include({ weight: 7, maxSessions: 0, state: 'ready' })
    const own = { weight: 4, maxSessions: 9, health: 'off' }
    expect(backendOf(found as FoundServer, settings(own))).to.deep.include(own)
    const long = (end: string): string =>
      backendOf({ ...(found as FoundServer), name: `${'x'.repeat(200)}${end}` }, settings({})).name
    expect(long('a')).to.match(/^x{111}-[0-9a-f]{16}$/)
    expect(long('a')).to.not.equal(long('b'))
  })
})
