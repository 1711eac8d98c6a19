import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { named, startBackends } from '../helpers/servers.ts'
import { afterTest, ask, cleanUp, makeBalancer, portOf, until } from './helpers.ts'

const CLIENTS = Array.from({ length: 60 }, (_, n) => `127.0.8.${n + 1}`)

async function balancing(pair: RelayPair, slowStart: string): Promise<Balancer> {
  const backends = await startBackends(['a', 'b', 'c'], named)
  afterTest(() => backends[Symbol.asyncDispose]())
  const settings = backends.all.map(({ name, address }) => ({ name, address }))
  const balancer = makeBalancer(
    { backends: settings, boundedLoad: 'off', stickTable: 'off', slowStart },
    { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }] },
  )
  await balancer.listen()
  return balancer
}

/** Where clients of a home are served. */
async function visits(balancer: Balancer, home: string): Promise<string[]> {
  const clients = CLIENTS.filter(client => balancer.pool().explain(client).home === home)
  const answers: string[] = []
  for (const client of clients) answers.push((await ask(portOf(balancer), '', client)).trim())
  return answers
}

function rampOf(balancer: Balancer, name: string): number | undefined {
  return balancer
    .pool()
    .backends()
    .find(backend => backend.name === name)?.ramp
}

forEachRelay('slow start', pair => {
  afterEach(cleanUp)

  it('lets the clients of a backend that is back come little by little, and nobody else', async () => {
    const balancer = await balancing(pair, '1h')
    const pool = balancer.pool()
    expect(new Set(await visits(balancer, 'a'))).to.deep.equal(new Set(['a']))
    pool.update('a', { state: 'maint' })
    pool.update('a', { state: 'ready' })
    expect(rampOf(balancer, 'a')).to.be.within(0, 0.5)
    // It would take half an hour until it is the half.
    const answers = await visits(balancer, 'a')
    expect(answers.filter(name => name === 'a').length).to.be.below(answers.length / 2)
    for (const home of ['b', 'c']) expect(new Set(await visits(balancer, home))).to.deep.equal(new Set([home]))
    expect(rampOf(balancer, 'b')).to.equal(undefined)
  })

  it('ends with all of them at home', async () => {
    const balancer = await balancing(pair, '300ms')
    balancer.pool().update('a', { state: 'maint' })
    balancer.pool().update('a', { state: 'ready' })
    await until(() => rampOf(balancer, 'a') === undefined)
    // The last step is published a moment after its time.
    while (!(await visits(balancer, 'a')).every(name => name === 'a')) await new Promise(setImmediate)
  })

  it('is not for a backend that drained', async () => {
    const balancer = await balancing(pair, '1h')
    balancer.pool().update('a', { state: 'drain' })
    balancer.pool().update('a', { state: 'ready' })
    expect(rampOf(balancer, 'a')).to.equal(undefined)
    expect(new Set(await visits(balancer, 'a'))).to.deep.equal(new Set(['a']))
  })
})
