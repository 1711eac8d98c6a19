import { expect } from 'chai'
import { Balancer } from '../../src/balancer.ts'
import type { BackendOptions, BalancerOptions } from '../../src/config/options.ts'
import { LimpetConfigError } from '../../src/errors.ts'
import { Conn, freePort } from '../helpers/net.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { type Backends, named, startBackends } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { afterTest, cleanUp, nextUncaught, portOf, rejection, until } from './helpers.ts'

async function backendsNamed(...names: string[]): Promise<Backends> {
  const backends = await startBackends(names, named)
  afterTest(() => backends[Symbol.asyncDispose]())
  return backends
}

function optionsOf(backends: BackendOptions[], pair?: RelayPair): BalancerOptions {
  return {
    listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair?.listener }],
    pools: { p: { secret: 'a secret of tests', stickTable: { size: 1000 }, backends } },
    log: { level: 'silent' },
  }
}

async function listening(options: BalancerOptions): Promise<Balancer> {
  const balancer = new Balancer(options)
  afterTest(() => balancer.destroy())
  await balancer.listen()
  return balancer
}

const settingsOf = (all: Backends['all']): BackendOptions[] => all.map(({ name, address }) => ({ name, address }))
const namesOf = (balancer: Balancer): string[] =>
  balancer
    .pool()
    .backends()
    .map(({ name }) => name)

describe('a reload', () => {
  afterEach(cleanUp)

  it('makes the backends those of the new configuration, as one roster', async () => {
    const { all } = await backendsNamed('a', 'b', 'c')
    const [a, b, c] = settingsOf(all) as [BackendOptions, BackendOptions, BackendOptions]
    const balancer = await listening(optionsOf([a, b]))
    const before = balancer.stats()
    const seen: string[] = []
    for (const event of ['backendAdded', 'backendUpdated', 'backendRemoved'] as const) {
      balancer.on(event, ({ name }) => seen.push(`${event} ${name}`))
    }
    balancer.once('reloaded', ({ generation }) => seen.push(`reloaded ${generation}`))
    const result = await balancer.reload(optionsOf([{ ...b, weight: 3, state: 'drain' }, c]))
    expect(namesOf(balancer)).to.deep.equal(['b', 'c'])
    expect(balancer.pool().backends()[0]).to.include({ name: 'b', weight: 3, state: 'drain' })
    expect(seen).to.deep.equal(['backendRemoved a', 'backendUpdated b', 'backendAdded c', 'reloaded 2'])
    const names = [result.added, result.updated, result.removed].map(changes => changes.map(({ name }) => name))
    expect(names).to.deep.equal([['c'], ['b'], ['a']])
    const after = balancer.stats()
    expect((after.pools.p?.roster ?? 0) - (before.pools.p?.roster ?? 0)).to.equal(1)
    expect([before.generation, result.generation, after.generation]).to.deep.equal([1, 2, 2])
    // Whatever was changed by hand meanwhile.
    balancer.pool().update('c', { weight: 9 })
    balancer.pool().add(a)
    expect(balancer.generation).to.equal(4)
    const backend = { weight: 1, maxSessions: 0, backup: false, state: 'ready' }
    expect(balancer.settings().pools.p?.backends).to.deep.equal([
      { ...backend, ...b, weight: 3, state: 'drain' },
      { ...backend, ...c, weight: 9 },
      { ...backend, ...a },
    ])
    expect(balancer.settings().pools.p).to.include({ secret: '(set)', placement: 'rendezvous', retries: 3 })
    expect((await balancer.reload(optionsOf([b, c]))).generation).to.equal(5)
    expect(
      balancer
        .pool()
        .backends()
        .map(({ name, weight }) => [name, weight]),
    ).to.deep.equal([
      ['b', 1],
      ['c', 1],
    ])
  })

  it('changes nothing when it cannot do everything', async () => {
    const { all } = await backendsNamed('a', 'b')
    const [a, b] = settingsOf(all) as [BackendOptions, BackendOptions]
    const balancer = await listening(optionsOf([a]))
    const before = balancer.stats()
    const itself = { name: 'me', address: `127.0.0.1:${portOf(balancer)}` }
    const refused: [BalancerOptions, string, RegExp][] = [
      [{ ...optionsOf([a, b]), threads: 3 }, 'LIMPET_ERR_NEEDS_RESTART', /restart is needed for threads$/],
      [optionsOf([b, itself]), 'LIMPET_ERR_SELF_BACKEND', /./],
      [optionsOf([b, { name: 'n', address: 'does-not-exist.invalid:1' }]), 'ENOTFOUND', /./],
    ]
    for (const [options, code, text] of refused) {
      const error = await rejection(balancer.reload(options))
      expect(error.code, error.message).to.be.oneOf([code, code === 'ENOTFOUND' ? 'EAI_AGAIN' : code])
      expect(error.message).to.match(text)
    }
    const wrong = await rejection(balancer.reload(optionsOf([{ name: 'x y', address: 'z' }])))
    expect(wrong).to.be.instanceOf(LimpetConfigError)
    expect(balancer.stats().pools).to.deep.equal(before.pools)
    expect(balancer.stats().generation).to.equal(1)
  })

  it('has done everything before it tells anybody, whatever they do', async () => {
    const { all } = await backendsNamed('a', 'b')
    const [a, b] = settingsOf(all) as [BackendOptions, BackendOptions]
    const options = (backends: BackendOptions[]): BalancerOptions => {
      const { pools, ...rest } = optionsOf(backends)
      return { ...rest, pools: { ...pools, q: { ...pools.p } } }
    }
    const balancer = await listening(options([a]))
    const thrown = nextUncaught()
    const seen: string[] = []
    balancer.on('backendAdded', ({ pool }) => {
      seen.push(`${pool}: ${['p', 'q'].map(name => balancer.pool(name).size).join()}`)
      if (pool === 'p') throw new Error('of a handler')
    })
    const { added, generation } = await balancer.reload(options([a, b]))
    expect((await thrown).message).to.equal('of a handler')
    expect(seen).to.deep.equal(['p: 2,2', 'q: 2,2'])
    expect([added.map(({ pool, name }) => `${pool} ${name}`), generation]).to.deep.equal([['p b', 'q b'], 2])
  })

  it('is for a balancer that listens', async () => {
    const balancer = new Balancer(optionsOf([]))
    expect((await rejection(balancer.reload(optionsOf([])))).code).to.equal('LIMPET_ERR_INVALID_STATE')
    await balancer.close()
    expect((await rejection(balancer.reload(optionsOf([])))).code).to.equal('LIMPET_ERR_INVALID_STATE')
  })

  it('waits for the one before, and looks new host names up', async () => {
    const { all } = await backendsNamed('a')
    const port = all[0]?.port ?? 0
    const balancer = await listening(optionsOf([]))
    const byName = { name: 'n', address: `localhost:${port}` }
    const results = await Promise.all([
      balancer.reload(optionsOf([byName])),
      balancer.reload(optionsOf([byName, { name: 'd', address: `127.0.0.1:${await freePort()}` }])),
      balancer.reload(optionsOf([byName])),
    ])
    expect(results.map(({ generation }) => generation)).to.deep.equal([2, 3, 4])
    expect(results.map(({ added, removed }) => [added.length, removed.length])).to.deep.equal([
      [1, 0],
      [1, 0],
      [0, 1],
    ])
    const client = await Conn.open({ host: '127.0.0.1', port: portOf(balancer) })
    expect(await client.line()).to.equal('a')
    client.destroy()
  })
})

// A part of row 21 of the fault matrix; with takeovers it comes with those.
forEachRelay('reloads under load', pair => {
  afterEach(cleanUp)

  it('lose no client, no session and no pin', async () => {
    const reloads = rounds(25, 500)
    const { all } = await backendsNamed('a', 'b', 'c')
    const [a, b, c] = settingsOf(all) as [BackendOptions, BackendOptions, BackendOptions]
    const balancer = await listening(optionsOf([a, b, c], pair))
    const dial = { host: '127.0.0.1', port: portOf(balancer) }
    const resident = await Conn.open({ ...dial, localAddress: '127.0.6.1' })
    const home = await resident.line()
    let isOver = false
    let served = 0
    const visitors = Array.from({ length: 8 }, async (_, n) => {
      while (!isOver) {
        const client = await Conn.open({ ...dial, localAddress: `127.0.6.${2 + n}` })
        expect(await client.line(), 'a name').to.match(/^[abc]$/)
        expect(await client.echo('x')).to.equal('x')
        client.finish()
        expect(await client.over()).to.equal('end')
        served++
      }
    })
    const reloading = async (): Promise<void> => {
      for (let n = 0; n < reloads; n++) {
        const others = [a, b, c].filter((_, index) => index !== n % 3)
        const before = served
        await balancer.reload(optionsOf(n % 2 === 0 ? others : [a, b, { ...c, weight: 1 + (n % 5) }], pair))
        await until(() => served >= before + 8)
        expect(await resident.echo(`${n}`)).to.equal(`${n}`)
      }
    }
    const end = (): void => {
      isOver = true
    }
    await Promise.all([reloading().finally(end), ...visitors])
    resident.finish()
    expect(await resident.over()).to.equal('end')
    const { counters } = balancer.stats()
    expect(counters.endFinished, home).to.equal(served + 1)
    expect(counters.accepted).to.equal(served + 1)
  })
})
