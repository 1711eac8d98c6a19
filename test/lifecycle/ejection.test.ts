import { once } from 'node:events'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import type { BackendEjection } from '../../src/balancer-types.ts'
import type { PoolOptions } from '../../src/config/options.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { Backend, named, type Serve, startBackends } from '../helpers/servers.ts'
import { until, within } from '../helpers/wait.ts'
import { afterTest, ask, cleanUp, makeBalancer, portOf } from './helpers.ts'

const QUICK = { failures: 3, baseTime: '1s', maxEjected: 50 } as const
const CLIENTS = Array.from({ length: 40 }, (_, n) => `127.0.6.${n + 1}`)

async function started(serve: Serve, ...names: string[]): Promise<readonly Backend[]> {
  const backends = await startBackends(names, serve)
  afterTest(() => backends[Symbol.asyncDispose]())
  return backends.all
}

async function balancing(pair: RelayPair, backends: readonly Backend[], pool: PoolOptions = {}): Promise<Balancer> {
  const settings = backends.map(({ name, address }) => ({ name, address }))
  const balancer = makeBalancer(
    { backends: settings, ejection: QUICK, stickTable: 'off', boundedLoad: 'off', ...pool },
    { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }] },
  )
  await balancer.listen()
  return balancer
}

function clientAt(balancer: Balancer, home: string): string {
  return (
    CLIENTS.find(client => balancer.pool().explain(client).home === home) ?? expect.fail(`nobody is home at ${home}`)
  )
}

function healthOf(balancer: Balancer, name: string) {
  return balancer
    .pool()
    .backends()
    .find(backend => backend.name === name)?.health
}

/** Takes what comes, and resets. */
const rejecting: Serve = conn => {
  conn.socket.once('end', () => conn.reset()).resume()
}

/** Who comes again and again, until something happens; how it goes is of no matter. */
async function visitUntil(balancer: Balancer, client: string, event: Promise<unknown>): Promise<void> {
  let isOver = false
  void event.then(() => {
    isOver = true
  })
  while (!isOver) await ask(portOf(balancer), '', client).catch(() => undefined)
}

forEachRelay('ejection', pair => {
  afterEach(cleanUp)

  it('takes a backend out that refuses, and back in; homes stay', async () => {
    const backends = await started(named, 'a', 'b', 'c')
    const balancer = await balancing(pair, backends)
    const [a] = backends as readonly [Backend, Backend, Backend]
    const { port } = a
    const client = clientAt(balancer, 'a')
    expect(await ask(portOf(balancer), '', client)).to.equal('a\n')
    expect(healthOf(balancer, 'a')).to.equal(undefined)

    const { digest } = balancer.pool()
    const ejected = once(balancer, 'backendEjected') as Promise<[BackendEjection]>
    await a.kill()
    await within('the backend to be ejected', visitUntil(balancer, client, ejected))
    const [change] = await ejected
    expect(change).to.include({ pool: 'p', name: 'a', address: `127.0.0.1:${port}` })
    expect(change.reason).to.match(/^\d+ connects in a row failed$/)
    expect(change.ejectedUntil).to.be.a('number')

    const readmitted = once(balancer, 'backendReadmitted') as Promise<[BackendEjection]>
    const again = await Backend.start({ name: 'a', port, serve: named })
    afterTest(() => again[Symbol.asyncDispose]())
    expect((await within('the backend to be back', readmitted))[0]).to.deep.equal({
      pool: 'p',
      name: 'a',
      address: `127.0.0.1:${port}`,
      reason: 'its time is over',
    })
    expect(healthOf(balancer, 'a')).to.equal(undefined)
    expect(balancer.pool().explain(client).home).to.equal('a')
    expect(balancer.pool().digest).to.equal(digest)
    expect(await ask(portOf(balancer), '', client)).to.equal('a\n')
  })

  it('sends nobody to a backend that is out, which metrics and figures tell', async () => {
    const [a, b] = (await started(named, 'a', 'b')) as [Backend, Backend]
    const balancer = await balancing(pair, [a, b], { ejection: { ...QUICK, baseTime: '1h' }, retries: 1 })
    const client = clientAt(balancer, 'a')
    const ejected = once(balancer, 'backendEjected') as Promise<[BackendEjection]>
    await a.kill()
    await within('the backend to be ejected', visitUntil(balancer, client, ejected))
    const [{ ejectedUntil, reason }] = await ejected
    const { since, ...health } = healthOf(balancer, 'a') ?? {}
    expect(health).to.deep.equal({ status: 'down', reason, ejectedUntil })
    expect(since).to.be.a('number')
    const before = balancer.stats().counters.connectRefused
    expect(await ask(portOf(balancer), '', client)).to.equal('b\n')
    expect(balancer.stats().counters.connectRefused).to.equal(before)
    // Another address is another server.
    const again = await Backend.start({ name: 'a', serve: named })
    afterTest(() => again[Symbol.asyncDispose]())
    balancer.pool().update('a', { address: again.address })
    expect(healthOf(balancer, 'a')).to.equal(undefined)
    expect(await ask(portOf(balancer), '', client)).to.equal('a\n')
  })

  it('takes a backend out that resets its sessions at once', async () => {
    const [a] = (await started(rejecting, 'a')) as [Backend]
    const [b] = (await started(named, 'b')) as [Backend]
    const balancer = await balancing(pair, [a, b])
    const client = clientAt(balancer, 'a')
    const ejected = once(balancer, 'backendEjected') as Promise<[BackendEjection]>
    await within('the backend to be ejected', visitUntil(balancer, client, ejected))
    expect((await ejected)[0].reason).to.match(/^it reset \d+ sessions in a row at once$/)
    const readmitted = once(balancer, 'backendReadmitted')
    await within('the backend to be back', readmitted)
  })

  it('lets one back in when nobody else can serve', async () => {
    const [a, b] = (await started(named, 'a', 'b')) as [Backend, Backend]
    const balancer = await balancing(pair, [a, b], { ejection: { ...QUICK, baseTime: '1h' } })
    const client = clientAt(balancer, 'a')
    const ejected = once(balancer, 'backendEjected')
    await a.kill()
    await within('the backend to be ejected', visitUntil(balancer, client, ejected))
    const readmitted = once(balancer, 'backendReadmitted') as Promise<[BackendEjection]>
    balancer.pool().update('b', { state: 'maint' })
    expect((await within('it to be back', readmitted))[0].reason).to.equal('no other one can serve')
    await until('nobody to be out', () => healthOf(balancer, 'a') === undefined)
  })
})
