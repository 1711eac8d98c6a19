import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { named, startBackends } from '../helpers/servers.ts'
import { afterTest, ask, cleanUp, makeBalancer, portOf, until } from './helpers.ts'

const CLIENTS = Array.from({ length: 30 }, (_, n) => `127.0.7.${n + 1}`)
const QUICK = { interval: '10ms', fastInterval: '10ms', timeout: '10s', rise: 1, fall: 1 } as const

async function visitAll(balancer: Balancer): Promise<string[]> {
  const answers: string[] = []
  for (const client of CLIENTS) answers.push((await ask(portOf(balancer), '', client)).trim())
  return answers
}

forEachRelay('backup backends', pair => {
  afterEach(cleanUp)

  it('serve only while nobody else does, and change no home', async () => {
    const backends = await startBackends(['a', 'b', 'x'], named)
    afterTest(() => backends[Symbol.asyncDispose]())
    const settings = backends.all.map(({ name, address }) => ({ name, address, backup: name === 'x' }))
    const balancer = makeBalancer(
      { backends: settings, health: QUICK, boundedLoad: 'off' },
      { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }] },
    )
    await balancer.listen()
    const pool = balancer.pool()
    const homes = CLIENTS.map(client => pool.explain(client).home)
    expect(new Set(homes)).to.deep.equal(new Set(['a', 'b']))
    expect(await visitAll(balancer)).to.deep.equal(homes)

    // The default of failOpen would have both serve, if there was no backup.
    for (const { name } of backends.all.slice(0, 2)) pool.update(name, { address: '127.0.0.1:1' })
    await until(() => pool.backends().every(({ name, health }) => name === 'x' || health?.status === 'down'))
    expect(new Set(await visitAll(balancer))).to.deep.equal(new Set(['x']))
    expect(balancer.stats().pools.p?.isFailOpen).to.equal(false)
    expect(CLIENTS.map(client => pool.explain(client).home)).to.deep.equal(homes)

    for (const { name, address } of settings.slice(0, 2)) pool.update(name, { address })
    await until(() => pool.backends().every(({ health }) => health?.status === 'up'))
    expect(await visitAll(balancer)).to.deep.equal(homes)
  })

  it('are no part of what a plan moves, until they are backups no more', async () => {
    const balancer = makeBalancer({
      backends: ['a', 'b', 'x'].map((name, n) => ({ name, address: `127.0.0.1:${n + 1}`, backup: name === 'x' })),
    })
    const pool = balancer.pool()
    const { digest } = pool
    expect(pool.plan({ remove: ['x'] }).homesMoved).to.equal(0)
    expect(pool.plan({ update: { x: { backup: false } } }).homesMoved).to.be.closeTo(1 / 3, 0.01)
    expect(pool.plan({ update: { a: { backup: true } } }).backends[1]).to.include({ name: 'b', after: 1 })
    pool.update('x', { backup: false })
    expect(pool.digest).to.not.equal(digest)
    pool.update('x', { backup: true })
    expect(pool.digest).to.equal(digest)
  })
})
