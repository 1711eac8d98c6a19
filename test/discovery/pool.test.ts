import { rename, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import {
  Balancer,
  type BalancerOptions,
  type DiscoveryOptions,
  type DiscoveryStatus,
  type PoolOptions,
} from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { addresses, DnsServer, services } from '../helpers/dns-server.ts'
import { Conn, toDial } from '../helpers/net.ts'
import { forEachRelayOnce, type RelayPair } from '../helpers/relays.ts'
import { Backend, named } from '../helpers/servers.ts'
import { until, within } from '../helpers/wait.ts'

const SRV = '_r._tcp.test'
const OFTEN = { refresh: { min: '100ms', max: '100ms' }, jitter: 0, startTimeout: '20s' } as const

/** What is to be undone after a test, the last first. */
const cleanups: AsyncDisposable[] = []
function owned<T extends AsyncDisposable>(thing: T): T {
  cleanups.push(thing)
  return thing
}

/** Backends on one port of several loopback addresses, called by these. */
async function backendsAt(...hosts: string[]): Promise<number> {
  const [first = '', ...others] = hosts
  for (;;) {
    const { port } = owned(await Backend.start({ name: first, host: first, serve: named }))
    const all = await Promise.allSettled(others.map(host => Backend.start({ name: host, host, port, serve: named })))
    for (const one of all) if (one.status === 'fulfilled') owned(one.value)
    if (all.every(one => one.status === 'fulfilled')) return port
  }
}

async function listening(
  backends: DiscoveryOptions,
  { pair, pool, ...rest }: { pair?: RelayPair; pool?: PoolOptions } & Partial<BalancerOptions> = {},
): Promise<Balancer> {
  const balancer = owned(new Balancer(optionsOf(backends, { ...(pair && { pair }), ...(pool && { pool }), ...rest })))
  await balancer.listen()
  return balancer
}

function optionsOf(
  backends: DiscoveryOptions,
  { pair, pool, ...rest }: { pair?: RelayPair; pool?: PoolOptions } & Partial<BalancerOptions> = {},
): BalancerOptions {
  return {
    listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair?.listener }],
    pools: { p: { secret: 'a secret of tests', stickTable: { size: 1000 }, ...pool, backends } },
    log: { level: 'silent' },
    ...rest,
  }
}

function namesOf(balancer: Balancer): string {
  return balancer
    .pool()
    .backends()
    .map(({ name }) => name)
    .join(' ')
}

async function becomes(balancer: Balancer, names: string): Promise<void> {
  await until(
    `backends ${names}`,
    () => namesOf(balancer) === names,
    () => balancer.stats().pools.p?.discovery,
  )
}

/** The state after a look that began later than now. */
async function nextLook(balancer: Balancer): Promise<DiscoveryStatus> {
  const looks = (): number => {
    const { succeeded, failed } = discoveryOf(balancer) as DiscoveryStatus
    return Object.values(failed).reduce((sum, one) => sum + one, succeeded)
  }
  const before = looks()
  await until('two more looks', () => looks() >= before + 2)
  return discoveryOf(balancer) as DiscoveryStatus
}

function discoveryOf(balancer: Balancer): DiscoveryStatus | undefined {
  return balancer.stats().pools.p?.discovery
}

describe('a pool whose backends are found', function () {
  this.timeout(180_000)
  let dns: DnsServer
  beforeEach(async () => {
    dns = owned(await DnsServer.start())
  })
  afterEach(async () => {
    for (const one of cleanups.splice(0).reverse()) await one[Symbol.asyncDispose]()
  })

  const a = (rest: object = {}): DiscoveryOptions => ({
    dns: 'a.test',
    port: 80,
    resolvers: [dns.address],
    ...OFTEN,
    ...rest,
  })
  const srv = (rest: object = {}): DiscoveryOptions => ({
    dns: SRV,
    type: 'SRV',
    resolvers: [dns.address],
    ...OFTEN,
    ...rest,
  })
  /** Pods, by their numbers, and where they are. */
  function pods(port: number, hosts: Record<number, string>): void {
    const all = Object.entries(hosts)
    dns.set(
      SRV,
      'SRV',
      services(
        SRV,
        all.map(([n]) => ({ target: `pod-${n}.test`, port, weight: 100 / all.length })),
      ),
    )
    for (const [n, host] of all) dns.set(`pod-${n}.test`, 'A', addresses(`pod-${n}.test`, [host]))
  }

  it('has them before it listens, and follows what comes and goes', async () => {
    dns.set('a.test', 'A', addresses('a.test', ['192.0.2.2', '192.0.2.1']))
    const balancer = await listening(a())
    expect(namesOf(balancer)).to.equal('192.0.2.1 192.0.2.2')
    const seen: string[] = []
    balancer.on('backendAdded', ({ name }) => seen.push(`+${name}`))
    balancer.on('backendRemoved', ({ name }) => seen.push(`-${name}`))
    const { generation } = balancer
    dns.set('a.test', 'A', addresses('a.test', ['192.0.2.3', '192.0.2.2']))
    await becomes(balancer, '192.0.2.2 192.0.2.3')
    expect(seen).to.deep.equal(['-192.0.2.1', '+192.0.2.3'])
    expect(balancer.generation).to.equal(generation + 1)
    expect(discoveryOf(balancer)).to.include({ source: 'dns A a.test', found: 2, isFresh: true, changes: 2 })
  })

  it('changes nothing for an answer in another order', async () => {
    const hosts = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']
    dns.set('a.test', 'A', addresses('a.test', hosts))
    const balancer = await listening(a())
    const { generation } = balancer
    const { roster, digest } = balancer.stats().pools.p ?? {}
    for (let round = 0; round < 4; round++) {
      dns.set('a.test', 'A', addresses('a.test', [...hosts.slice(round), ...hosts.slice(0, round)].reverse()))
      expect((await nextLook(balancer)).isFresh).to.equal(true)
    }
    expect(balancer.generation).to.equal(generation)
    expect(balancer.stats().pools.p).to.include({ roster, digest })
  })

  it('keeps them while there is nothing to believe, and says why', async () => {
    const good = addresses('a.test', ['192.0.2.1', '192.0.2.2'])
    dns.set('a.test', 'A', good)
    const balancer = await listening(a({ minBackends: 2, timeout: '150ms' }))
    const bad = [
      ['NXDOMAIN', 'negative', /there is no name a\.test/],
      ['empty', 'negative', /no A record/],
      ['SERVFAIL', 'server', /SERVFAIL/],
      ['silent', 'timeout', /did not answer within 150 ms/],
      [{ truncated: 'silent' }, 'timeout', /did not answer/],
      [{ cut: good }, 'malformed', /cannot be read/],
      [{ forged: addresses('a.test', ['192.0.2.66']), good: 'silent' }, 'timeout', /did not answer/],
      [addresses('a.test', ['192.0.2.1']), 'count', /1 backend found, and minBackends is 2/],
    ] as const
    for (const [behaviour, kind, message] of bad) {
      dns.set('a.test', 'A', behaviour)
      const before = discoveryOf(balancer)?.failed[kind] ?? 0
      await until(`a failure of kind ${kind}`, () => (discoveryOf(balancer)?.failed[kind] ?? 0) > before)
      expect(discoveryOf(balancer)).to.include({ found: 2, isFresh: false })
      expect(discoveryOf(balancer)?.error).to.match(message)
      expect(namesOf(balancer)).to.equal('192.0.2.1 192.0.2.2')
      dns.set('a.test', 'A', good)
      await until('a look that goes well', () => discoveryOf(balancer)?.isFresh === true)
      expect(discoveryOf(balancer)).not.to.have.property('error')
    }
  })

  it('starts with none where nobody answers, after a while, and gets them later', async () => {
    dns.set('a.test', 'A', 'silent')
    const balancer = await listening(a({ startTimeout: '200ms', timeout: '100ms' }))
    expect(balancer.status).to.equal('listening')
    expect(namesOf(balancer)).to.equal('')
    expect(discoveryOf(balancer)).to.include({ found: 0, isFresh: false })
    expect(() => balancer.pick('192.0.2.9'))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_NO_BACKEND')
    dns.set('a.test', 'A', addresses('a.test', ['192.0.2.1']))
    await becomes(balancer, '192.0.2.1')
  })

  it('can be closed while it waits for the first answer', async () => {
    dns.set('a.test', 'A', 'silent')
    const balancer = owned(new Balancer(optionsOf(a({ startTimeout: '5m', timeout: '1m' }))))
    const opening = balancer.listen().catch((error: unknown) => error)
    await until('the question', () => dns.asked.length > 0)
    await within('closing', balancer.close())
    expect(await opening).to.have.property('code', 'LIMPET_ERR_INVALID_STATE')
  })

  it('has one backend for each name, where names are what counts, and keeps those that do not answer', async () => {
    for (const n of [1, 2]) dns.set(`${n}.test`, 'A', addresses(`${n}.test`, [`192.0.2.${n}0`, `192.0.2.${n}1`]))
    const balancer = await listening(a({ dns: ['1.test', '2.test'], identity: 'name' }))
    const told = (): string[] =>
      balancer
        .pool()
        .backends()
        .map(({ name, address }) => `${name} ${address}`)
    expect(told()).to.deep.equal(['1.test 192.0.2.10:80', '2.test 192.0.2.20:80'])
    dns.set('1.test', 'A', addresses('1.test', ['192.0.2.9']))
    dns.set('2.test', 'A', 'SERVFAIL')
    await until('another address', () => told()[0] === '1.test 192.0.2.9:80')
    expect(told()[1]).to.equal('2.test 192.0.2.20:80')
    const { isFresh, error } = await nextLook(balancer)
    expect(isFresh).to.equal(true)
    expect(error).to.match(/SERVFAIL for 2\.test/)
  })

  it('takes IPv6 addresses, and IPv6 targets that have no IPv4', async () => {
    dns.set('a.test', 'AAAA', addresses('a.test', ['2001:db8::1', '::1']))
    const six = await listening(a({ type: 'AAAA' }))
    expect(
      six
        .pool()
        .backends()
        .map(({ name, address }) => [name, address]),
    ).to.deep.equal([
      ['2001:db8::1', '[2001:db8::1]:80'],
      ['0::1', '[::1]:80'],
    ])
    dns.set(SRV, 'SRV', { answers: services(SRV, [{ target: 'pod-0.test', port: 9 }]), additionals: [] })
    dns.set('pod-0.test', 'AAAA', addresses('pod-0.test', ['2001:db8::7']))
    const balancer = await listening(srv())
    expect(balancer.pool().backends()[0]).to.include({ name: 'pod-0.test:9', address: '[2001:db8::7]:9' })
  })

  it('takes weights and priorities of SRV records, and the addresses that came with them', async () => {
    const all = [
      { target: 'one.test', port: 1, priority: 1, weight: 10 },
      { target: 'two.test', port: 2, priority: 1, weight: 30 },
      { target: 'spare.test', port: 3, priority: 9, weight: 10 },
    ]
    const additionals = all.flatMap(({ target }, n) => addresses(target, [`192.0.2.${n + 1}`]))
    dns.set(SRV, 'SRV', { answers: services(SRV, all), additionals })
    const balancer = await listening(srv())
    const told = balancer.pool().backends()
    expect(told.map(({ name, weight, backup }) => [name, weight, backup])).to.deep.equal([
      ['one.test:1', 1, false],
      ['spare.test:3', 1, true],
      ['two.test:2', 3, false],
    ])
    expect(new Set(dns.asked)).to.deep.equal(new Set([`${SRV} SRV udp`]))
  })

  it('refuses what the next answer would undo; what else an operator changes holds for the name', async () => {
    pods(80, { 0: '192.0.2.1', 1: '192.0.2.2' })
    const balancer = await listening(srv())
    const pool = balancer.pool()
    for (const refused of [
      () => pool.add({ name: 'x', address: '192.0.2.9:80' }),
      () => pool.remove('pod-0.test:80'),
      () => pool.update('pod-0.test:80', { address: '192.0.2.9:80' }),
    ])
      expect(refused)
        .to.throw(/the backends of the pool p are found \(dns SRV/)
        .with.property('code', 'LIMPET_ERR_DISCOVERED')
    pool.update('pod-0.test:80', { state: 'drain', weight: 7 })
    const drained = (): boolean => {
      const one = pool.backends().find(({ name }) => name === 'pod-0.test:80')
      return one?.state === 'drain' && one.weight === 7
    }
    // It moves, it goes, it comes back.
    pods(80, { 0: '192.0.2.3', 1: '192.0.2.2', 2: '192.0.2.4' })
    await becomes(balancer, 'pod-0.test:80 pod-1.test:80 pod-2.test:80')
    expect(drained()).to.equal(true)
    pods(80, { 1: '192.0.2.2' })
    await becomes(balancer, 'pod-1.test:80')
    pods(80, { 0: '192.0.2.3', 1: '192.0.2.2' })
    await until('the drained one', () => pool.backends().length === 2)
    expect(drained()).to.equal(true)
    pool.update('pod-0.test:80', { state: 'ready', weight: 1 })
    pods(80, { 0: '192.0.2.5' })
    await becomes(balancer, 'pod-0.test:80')
    expect(pool.backends()[0]).to.include({ state: 'ready', weight: 1, address: '192.0.2.5:80' })
  })

  it('never takes itself for a backend', async () => {
    dns.set('a.test', 'A', addresses('a.test', ['127.0.0.9']))
    const port = await backendsAt('127.0.0.9')
    const balancer = await listening(a({ port }), {
      listeners: [{ name: 'l', bind: `127.0.0.8:${port}`, pool: 'p' }],
    })
    dns.set('a.test', 'A', addresses('a.test', ['127.0.0.8', '127.0.0.9']))
    await until('a refusal', () => (discoveryOf(balancer)?.failed.refused ?? 0) > 0)
    expect(namesOf(balancer)).to.equal('127.0.0.9')
  })

  it('is looked for anew by a reload, which takes another source as well, or is refused where there is none', async () => {
    dns.set('a.test', 'A', addresses('a.test', ['192.0.2.1']))
    dns.set('b.test', 'A', addresses('b.test', ['192.0.2.7']))
    const seldom = { refresh: { min: '1h', max: '1h' } }
    const balancer = await listening(a(seldom))
    balancer.pool().update('192.0.2.1', { weight: 9 })
    dns.set('a.test', 'A', addresses('a.test', ['192.0.2.1', '192.0.2.2']))
    const { added, updated } = await balancer.reload(optionsOf(a(seldom)))
    expect([added.map(({ name }) => name), updated.map(({ weight }) => weight)]).to.deep.equal([['192.0.2.2'], [1]])
    const { settings } = await balancer.reload(optionsOf(a({ ...seldom, dns: 'b.test' })))
    expect(settings).to.deep.equal([{ path: 'pools.p.backends.dns', kind: 'changed' }])
    expect(namesOf(balancer)).to.equal('192.0.2.7')
    // What does not answer is as it was; where nothing was, nothing is changed.
    const silent = { ...seldom, dns: 'c.test', startTimeout: '100ms' }
    await balancer.reload(optionsOf(a(silent)))
    expect(namesOf(balancer)).to.equal('192.0.2.7')
    const listed = [{ name: 'x', address: '192.0.2.9:80' }]
    await balancer.reload({
      ...optionsOf(a()),
      pools: { p: { secret: 'a secret of tests', stickTable: { size: 1000 }, backends: listed } },
    })
    expect(namesOf(balancer)).to.equal('x')
    expect(discoveryOf(balancer)).to.equal(undefined)
    const refused = await balancer.reload(optionsOf(a(silent))).catch((error: unknown) => error)
    expect(refused).to.have.property('code', 'LIMPET_ERR_DISCOVERY')
    expect(namesOf(balancer)).to.equal('x')
    await balancer.reload(optionsOf(a()))
    await becomes(balancer, '192.0.2.1 192.0.2.2')
  })

  it('begins with what was kept, where nobody answers at the start', async () => {
    const directory = owned(await Directory.make())
    const state = directory.file('state.json')
    pods(80, { 0: '192.0.2.1', 1: '192.0.2.2' })
    const first = await listening(srv(), { state })
    first.pool().update('pod-1.test:80', { state: 'drain' })
    await first.close()
    dns.set(SRV, 'SRV', 'SERVFAIL')
    const second = await listening(srv({ startTimeout: '150ms' }), { state })
    expect(
      second
        .pool()
        .backends()
        .map(({ name, address, state }) => [name, address, state]),
    ).to.deep.equal([
      ['pod-0.test:80', '192.0.2.1:80', 'ready'],
      ['pod-1.test:80', '192.0.2.2:80', 'drain'],
    ])
    expect(discoveryOf(second)).to.include({ found: 2, isFresh: false })
    pods(80, { 1: '192.0.2.9' })
    await becomes(second, 'pod-1.test:80')
    expect(second.pool().backends()[0]).to.include({ state: 'drain', address: '192.0.2.9:80' })
  })

  it('begins with what the process had whose place it takes, which changes nothing from then on', async () => {
    pods(80, { 0: '192.0.2.1' })
    const first = await listening(srv())
    first.pool().update('pod-0.test:80', { weight: 5 })
    const changes = first.handOver.begin(1)
    pods(80, { 0: '192.0.2.1', 1: '192.0.2.2' })
    const asked = dns.asked.length
    const second = owned(new Balancer(optionsOf(srv({ startTimeout: '0s', refresh: { min: '1h', max: '1h' } }))))
    second.handOver.take(changes)
    await second.listen()
    expect(
      second
        .pool()
        .backends()
        .map(({ name, weight }) => [name, weight]),
    ).to.deep.equal([['pod-0.test:80', 5]])
    // A third one shows that time has passed in which the first one would have asked.
    const third = await listening(srv())
    await nextLook(third)
    expect(namesOf(first)).to.equal('pod-0.test:80')
    first.handOver.cancel()
    await becomes(first, 'pod-0.test:80 pod-1.test:80')
    expect(first.pool().backends()[0]).to.include({ weight: 5 })
    expect(dns.asked.length).to.be.greaterThan(asked)
  })

  it('follows a file, whatever is done to it', async () => {
    const directory = owned(await Directory.make())
    const file = directory.file('backends.yaml')
    await writeFile(file, '- { name: a, address: 192.0.2.1:80 }\n')
    const balancer = await listening({ file })
    expect(namesOf(balancer)).to.equal('a')
    await writeFile(
      directory.file('next'),
      '- { name: a, address: 192.0.2.1:80 }\n- { name: b, address: 127.0.0.1:81 }\n',
    )
    await rename(directory.file('next'), file)
    await becomes(balancer, 'a b')
    await writeFile(file, '- { name: a, addr')
    await until('a failure', () => (discoveryOf(balancer)?.failed.malformed ?? 0) > 0)
    expect(namesOf(balancer)).to.equal('a b')
    await writeFile(file, JSON.stringify([{ name: 'c', address: '192.0.2.3:80' }]))
    await becomes(balancer, 'c')
  })

  forEachRelayOnce('sessions and pins', pair => {
    it('live on while backends move, come and go', async () => {
      const port = await backendsAt('127.0.0.2', '127.0.0.3', '127.0.0.4')
      pods(port, { 0: '127.0.0.2', 1: '127.0.0.3' })
      const balancer = await listening(srv(), { pair })
      const dial = toDial(balancer.address())
      const clients = await Promise.all(
        Array.from({ length: 12 }, (_, n) => Conn.open({ ...dial, localAddress: `127.0.1.${n + 1}` })),
      )
      const homes = await Promise.all(clients.map(client => client.line()))
      expect(new Set(homes)).to.deep.equal(new Set(['127.0.0.2', '127.0.0.3']))
      // Pod 0 is elsewhere now, and answers come in another order.
      pods(port, { 1: '127.0.0.3', 0: '127.0.0.4' })
      await until('the new address', () =>
        balancer
          .pool()
          .backends()
          .some(({ address }) => address === `127.0.0.4:${port}`),
      )
      expect(balancer.stats().pools.p?.lastMove).to.equal(undefined)
      for (const [n, client] of clients.entries()) {
        await client.send('still here\n')
        expect(await client.line(), `client ${n + 1}`).to.equal('still here')
      }
      const again = await Promise.all(clients.map((_, n) => Conn.open({ ...dial, localAddress: `127.0.1.${n + 1}` })))
      const places = await Promise.all(again.map(client => client.line()))
      expect(places).to.deep.equal(homes.map(home => (home === '127.0.0.2' ? '127.0.0.4' : home)))
      // All records but one are gone: sessions go on, and new connections go to what is left.
      pods(port, { 1: '127.0.0.3' })
      await becomes(balancer, `pod-1.test:${port}`)
      for (const client of [...clients, ...again]) {
        await client.send('and here\n')
        expect(await client.line()).to.equal('and here')
      }
      for (const client of [...clients, ...again]) client.destroy()
    })
  })
})
