import { expect } from 'chai'
import fc from 'fast-check'
import { LIMITS } from '../../src/admin/limits.ts'
import { Balancer } from '../../src/balancer.ts'
import type { BalancerOptions, PoolOptions } from '../../src/config/options.ts'
import type { PinInfo, PoolTable } from '../../src/pool/table.ts'
import { importLines } from '../../src/pool/table-lines.ts'

const NAMES = ['a', 'b', 'c', 'd']
const SECRET = 'a secret of tests'
const TTL_MS = 30 * 60_000

describe('the stick table of a pool', () => {
  const opened: Balancer[] = []

  afterEach(async () => {
    for (const balancer of opened.splice(0)) await balancer.close()
  })

  function make(pool: Partial<PoolOptions> = {}, names: readonly string[] = NAMES): Balancer {
    const backends = names.map(name => ({ name, address: '127.0.0.1:1' }))
    const options: BalancerOptions = {
      pools: { p: { secret: SECRET, stickTable: { size: 1000, ttl: TTL_MS }, backends, ...pool } as PoolOptions },
      log: { level: 'silent' },
    }
    const balancer = new Balancer(options)
    opened.push(balancer)
    return balancer
  }

  const away = (balancer: Balancer, client: string): string =>
    NAMES.find(name => name !== balancer.pool().explain(client).home) ?? expect.fail()

  async function all(table: PoolTable, filter = {}): Promise<PinInfo[]> {
    const pins: PinInfo[] = []
    for await (const pin of table.list(filter)) pins.push(pin)
    return pins
  }

  it('sends a client where it is pinned, and home again when that is forgotten', () => {
    const balancer = make()
    const { table } = balancer.pool()
    const backend = away(balancer, '192.0.2.7')
    expect(table.get('192.0.2.7')).to.equal(undefined)
    expect(table.set('192.0.2.7', backend)).to.equal(true)
    const { expiresInMs = 0, idleMs, ...pin } = table.get('192.0.2.7') ?? expect.fail()
    expect(pin).to.deep.equal({ key: '192.0.2.7/32', backend, isAway: true, isProvisional: false, sessions: 0 })
    expect(expiresInMs).to.be.within(TTL_MS - 60_000, TTL_MS + 200)
    expect(idleMs).to.be.below(60_000)

    const decision = balancer.pick('192.0.2.7')
    expect([decision.backend, decision.reason]).to.deep.equal([backend, 'pin'])
    expect(table.get('192.0.2.7/32')).to.include({ sessions: 1 }).and.not.to.have.property('expiresInMs')
    expect(table.delete('192.0.2.7')).to.equal(true)
    expect(table.delete('192.0.2.7')).to.equal(false)
    decision.release()
    const next = balancer.pick('192.0.2.7')
    expect(next.backend).to.equal(balancer.pool().explain('192.0.2.7').home)
    next.release()
  })

  it('tells the keys that have live sessions, and where those are', async () => {
    const balancer = make({ boundedLoad: 'off' })
    const pool = balancer.pool()
    pool.table.set('192.0.2.2', away(balancer, '192.0.2.2'))
    const clients = ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.2', '192.0.2.3']
    const decisions = clients.map(client => balancer.pick(client))
    const { keys, sessions, hottest, places } = await pool.liveKeys({ top: 2 })
    expect([keys, sessions]).to.deep.equal([3, 6])
    const hot = (client: string, count: number): object => {
      const backends = [{ name: balancer.pool().table.get(client)?.backend, sessions: count }]
      return { key: `${client}/32`, sessions: count, home: pool.explain(client).home, backends }
    }
    expect(hottest).to.deep.equal([hot('192.0.2.1', 3), hot('192.0.2.2', 2)])
    const strayed = places.filter(({ home, backend }) => home !== backend)
    expect(strayed).to.deep.equal([
      { home: pool.explain('192.0.2.2').home, backend: away(balancer, '192.0.2.2'), sessions: 2 },
    ])
    expect(places.reduce((sum, place) => sum + place.sessions, 0)).to.equal(6)

    pool.remove(away(balancer, '192.0.2.2'))
    const after = await pool.liveKeys({ top: 0 })
    expect([after.sessions, after.hottest]).to.deep.equal([6, []])
    for (const decision of decisions) decision.release()
    expect(await pool.liveKeys()).to.deep.equal({ keys: 0, sessions: 0, hottest: [], places: [] })
  })

  it('counts sessions by key only where there is a table, and so many', async () => {
    const refusal = async (pool: Partial<PoolOptions>, top: unknown): Promise<Error & { code?: string }> =>
      await make(pool)
        .pool()
        .liveKeys({ top: top as number })
        .then(
          () => expect.fail('it was told'),
          error => error,
        )
    expect((await refusal({ stickTable: 'off' }, 1)).code).to.equal('LIMPET_ERR_NO_TABLE')
    expect(await refusal({}, 1001)).to.be.instanceOf(RangeError)
    expect(await refusal({}, '1')).to.be.instanceOf(TypeError)
  })

  it('knows a provisional pin from one that holds', () => {
    const balancer = make()
    const { table } = balancer.pool()
    const decision = balancer.pick('192.0.2.7')
    expect(table.get('192.0.2.7')).to.include({ isProvisional: true, isAway: false, sessions: 1 })
    decision.release()
    expect(table.get('192.0.2.7')).to.include({ isProvisional: false, sessions: 0 })
  })

  it('keeps what was set when a session that is connecting fails', () => {
    const balancer = make()
    const { table } = balancer.pool()
    const home = balancer.pool().explain('192.0.2.7').home ?? ''
    table.set('192.0.2.7', home)
    balancer.pool().update(home, { state: 'maint' })
    const decision = balancer.pick('192.0.2.7')
    balancer.pool().update(home, { state: 'ready' })
    // The pin that this session has replaced would come back at its end, in place of the new one.
    const third = NAMES.find(name => name !== home && name !== decision.backend) ?? expect.fail()
    table.set('192.0.2.7', third)
    decision.release({ failed: true })
    expect(table.get('192.0.2.7')?.backend).to.equal(third)
  })

  it('takes a ttl up to that of the table, until the first use', () => {
    const balancer = make()
    const { table } = balancer.pool()
    table.set('192.0.2.7', 'a', { ttl: '10s' })
    expect(table.get('192.0.2.7')?.expiresInMs).to.be.within(1, 10_200)
    table.set('192.0.2.8', 'a', { ttl: '10d' })
    expect(table.get('192.0.2.8')?.expiresInMs).to.be.within(TTL_MS - 60_000, TTL_MS + 200)
    balancer.pick('192.0.2.7').release()
    expect(table.get('192.0.2.7')?.expiresInMs).to.be.within(TTL_MS - 60_000, TTL_MS + 200)
  })

  it('refuses what is no client, no backend, no duration', () => {
    const { table } = make().pool()
    for (const client of [
      '',
      'here',
      '192.0.2.7/24',
      '192.0.2.7:80',
      '#12',
      '2001:db8::1%eth0',
      '2001:db8::1/64',
      '-',
    ]) {
      for (const call of [() => table.get(client), () => table.set(client, 'a'), () => table.delete(client)]) {
        expect(call, client).to.throw(/./).with.property('code', 'LIMPET_ERR_BAD_ADDRESS')
      }
    }
    expect(() => table.set('192.0.2.7', 'z'))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_UNKNOWN_BACKEND')
    expect(() => table.page(0, 1, { backend: 'z' }))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_UNKNOWN_BACKEND')
    expect(() => table.set('192.0.2.7', 'a', { ttl: '1ms' })).to.throw(RangeError)
    expect(() => table.get(7 as never)).to.throw(TypeError)
  })

  it('has keys under the prefixes of the pool, by address or as it tells them', () => {
    const { table } = make({ affinity: { ipv4Prefix: 24, ipv6Prefix: 96 } }).pool()
    table.set('192.0.2.7', 'a')
    table.set('2001:db8::7', 'b')
    expect(table.get('192.0.2.99')).to.include({ key: '192.0.2.0/24', backend: 'a' })
    expect(table.get('192.0.2.0/24')?.backend).to.equal('a')
    expect(() => table.get('192.0.2.1/24'))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_BAD_ADDRESS')
    const hashed = table.get('2001:db8::8') ?? expect.fail()
    expect(hashed.key).to.match(/^#[0-9a-f]{16}$/)
    expect(table.get(hashed.key)?.backend).to.equal('b')
  })

  it('lists all, or those of a backend, or away', async () => {
    const balancer = make()
    const { table } = balancer.pool()
    const clients = Array.from({ length: 200 }, (_, n) => `198.51.100.${n}`)
    for (const [n, client] of clients.entries()) table.set(client, NAMES[n % 4] ?? '')
    const pins = await all(table)
    expect(pins.map(({ key }) => key)).to.have.members(clients.map(client => `${client}/32`))
    expect(await all(table, { backend: 'b' })).to.have.length(50)
    for (const { key, backend, isAway } of pins) {
      expect(isAway).to.equal(balancer.pool().explain(key.slice(0, -3)).home !== backend)
    }
    expect(await all(table, { isAway: true })).to.have.length(pins.filter(({ isAway }) => isAway).length)
    expect(await table.clear({ backend: 'b' })).to.equal(50)
    expect(await all(table)).to.have.length(150)
    expect(await table.clear()).to.equal(150)
    expect(await all(table)).to.deep.equal([])
  })

  it('looks at a bounded part of a large table at a time', async () => {
    const { table } = make({ stickTable: { size: 2_000_000 } }).pool()
    table.set('192.0.2.7', 'a')
    let [pages, found] = [0, 0]
    for (let from: number | undefined = 0; from !== undefined; pages++) {
      const { pins, next }: ReturnType<PoolTable['page']> = table.page(from, 10)
      found += pins.length
      from = next
    }
    expect(found).to.equal(1)
    expect(pages).to.be.above(10)
    expect(await table.clear()).to.equal(1)
    expect(table.page(2 ** 32 - 1, 10)).to.deep.equal({ pins: [] })
  })

  it('forgets the pins of a backend that was removed', async () => {
    const balancer = make()
    const { table } = balancer.pool()
    table.set('192.0.2.7', 'a')
    balancer.pool().remove('a')
    expect(table.get('192.0.2.7')).to.equal(undefined)
    expect(await all(table)).to.deep.equal([])
    balancer.pool().add({ name: 'a', address: '127.0.0.1:1' })
    expect(table.get('192.0.2.7')).to.equal(undefined)
  })

  it('says that there is none', () => {
    const { table } = make({ stickTable: 'off' }).pool()
    for (const call of [() => table.get('192.0.2.7'), () => table.set('192.0.2.7', 'a'), () => table.page(0, 1)]) {
      expect(call).to.throw().with.property('code', 'LIMPET_ERR_NO_TABLE')
    }
  })

  describe('export and import', () => {
    async function exported(table: PoolTable): Promise<string[]> {
      const lines: string[] = []
      for await (const line of table.export()) lines.push(line)
      return lines
    }

    it('give another balancer of the same keys the same pins', async () => {
      const client = fc.oneof(
        fc.ipV4(),
        fc.ipV6().filter(text => !text.includes('.')),
      )
      const pins = fc.array(fc.tuple(client, fc.constantFrom(...NAMES)), { maxLength: 300 })
      await fc.assert(
        fc.asyncProperty(pins, async pins => {
          const [from, to] = [make({}, NAMES).pool().table, make({}, [...NAMES].reverse()).pool().table]
          for (const [client, backend] of pins) from.set(client, backend)
          const lines = await exported(from)
          const { stored, problems, ...others } = await to.import(lines)
          expect(Object.values(others).every(count => count === 0)).to.equal(true)
          expect(problems).to.deep.equal([])
          const before = await all(from)
          expect(stored).to.equal(before.length)
          for (const { key, backend } of before) expect(to.get(key)?.backend).to.equal(backend)
          for (const balancer of opened.splice(0)) await balancer.close()
        }),
        { numRuns: 30 },
      )
    })

    it('let time go by, and say what could not be used', async () => {
      const { table } = make().pool()
      const header = (at: number) =>
        JSON.stringify({ limpet: 'stick table', format: 1, keyDigest: table.keyDigest, at: new Date(at).toISOString() })
      const pin = (key: string, more: object = {}) => JSON.stringify({ key, backend: 'a', ...more })
      const result = await table.import([
        header(Date.now() - 60_000),
        pin('192.0.2.1/32', { expiresInMs: 61_000 + 600_000 }),
        pin('192.0.2.2/32', { expiresInMs: 59_000 }),
        pin('192.0.2.3/32'),
        '',
        pin('192.0.2.4/24'),
        pin('192.0.2.5/32', { backend: 'gone' }),
        '{"key":',
        pin('192.0.2.6/32', { expiresInMs: -1 }),
        `"${'x'.repeat(2000)}"`,
      ])
      const { problems, ...counts } = result
      expect(counts).to.deep.equal({ stored: 2, full: 0, unknownBackend: 1, badKey: 1, expired: 1, malformed: 3 })
      expect(problems.map(({ line }) => line)).to.deep.equal([8, 9, 10])
      expect(table.get('192.0.2.1')?.expiresInMs).to.be.within(1, 601_200)
      expect(table.get('192.0.2.3')?.expiresInMs).to.be.above(TTL_MS - 60_000)
    })

    it('take any number as the time that is left, and the longest lines a part at a time', async () => {
      const { table } = make().pool()
      const header = JSON.stringify({
        limpet: 'stick table',
        format: 1,
        keyDigest: table.keyDigest,
        at: new Date().toISOString(),
      })
      const pins = [1e300, 2 ** 64, Number.MAX_VALUE].map((expiresInMs, n) =>
        JSON.stringify({ key: `192.0.2.${n}/32`, backend: 'a', expiresInMs }),
      )
      expect(await table.import([header, ...pins])).to.include({ stored: 3 })
      for (const n of pins.keys()) expect(table.get(`192.0.2.${n}`)?.expiresInMs, pins[n]).to.be.above(TTL_MS - 60_000)

      const long = JSON.stringify({ key: '192.0.2.1/32', backend: '\u20ac'.repeat(950), expiresInMs: 1e20 })
      const bodies: number[] = []
      const result = await importLines([header, ...new Array<string>(1000).fill(long)], table.keyDigest, async pins => {
        bodies.push(Buffer.byteLength(JSON.stringify({ keyDigest: table.keyDigest, pins })))
        return table.put(pins)
      })
      expect(result).to.include({ unknownBackend: 1000, malformed: 0 })
      expect(Math.max(...bodies)).to.be.below(LIMITS.body)
    })

    it('refuse other keys, and what is no export', async () => {
      const lines = await exported(make({ secret: 'another one of tests' }).pool().table)
      const { table } = make().pool()
      for (const wrong of [lines, [], ['{}'], ['not json'], [JSON.stringify({ key: '192.0.2.1/32', backend: 'a' })]]) {
        const error = await table.import(wrong).then(
          () => expect.fail('it was taken'),
          (error: Error) => error,
        )
        expect(error).to.have.property('code', 'LIMPET_ERR_TABLE_IMPORT')
      }
      expect(make({ affinity: { ipv4Prefix: 24 } }).pool().table.keyDigest).not.to.equal(table.keyDigest)
    })

    it('leave out the clients whose first session is connecting', async () => {
      const balancer = make()
      const decision = balancer.pick('192.0.2.7')
      expect(await exported(balancer.pool().table)).to.have.length(1)
      decision.release()
      expect(await exported(balancer.pool().table)).to.have.length(2)
    })
  })
})
