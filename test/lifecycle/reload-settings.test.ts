import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect } from 'chai'
import { Balancer } from '../../src/balancer.ts'
import type { BalancerOptions, PoolOptions } from '../../src/config/options.ts'
import { Conn, freePort } from '../helpers/net.ts'
import { until } from '../helpers/wait.ts'
import { afterTest, ask, cleanUp, portOf, rejection, startBackend, type TestBackend } from './helpers.ts'

const LISTENERS = [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }]

function optionsOf(pool: PoolOptions, more: Partial<BalancerOptions> = {}): BalancerOptions {
  return {
    listeners: LISTENERS,
    pools: { p: { secret: 'a secret of tests', ...pool } },
    log: { level: 'silent' },
    ...more,
  }
}

async function listening(pool: PoolOptions, more: Partial<BalancerOptions> = {}): Promise<Balancer> {
  const balancer = new Balancer(optionsOf(pool, more))
  afterTest(() => balancer.destroy())
  await balancer.listen()
  return balancer
}

async function backend(name: string): Promise<TestBackend & { settings: { name: string; address: string } }> {
  const started = await startBackend()
  return { ...started, settings: { name, address: started.address } }
}

const statesOf = (balancer: Balancer): (string | undefined)[] =>
  balancer
    .pool()
    .backends()
    .map(({ health }) => health?.status)

/** How long nobody may be seen down: several checks of the fastest interval. */
const CHECK = { interval: '20ms', fastInterval: '20ms', timeout: '1s', rise: 1, fall: 2 } as const

describe('a reload of health checks', () => {
  afterEach(cleanUp)

  it('begins them with everybody up, and ends them with everybody serving', async () => {
    const a = await backend('a')
    const dead = { name: 'dead', address: `127.0.0.1:${await freePort()}` }
    const backends = [a.settings, dead]
    const balancer = await listening({ backends, failOpen: 'off' })
    expect(statesOf(balancer)).to.deep.equal([undefined, undefined])
    const downs: string[] = []
    balancer.on('backendDown', ({ name }) => downs.push(name))
    const { settings } = await balancer.reload(optionsOf({ backends, failOpen: 'off', health: CHECK }))
    expect(settings).to.deep.include({ path: 'pools.p.health.interval', kind: 'added' })
    // At once, before any check can have said anything.
    expect(statesOf(balancer)).to.deep.equal(['up', 'up'])
    await until('the dead one to be down', () => statesOf(balancer)[1] === 'down')
    await until('that to be told', () => downs.length > 0)
    expect([downs, statesOf(balancer)[0]]).to.deep.equal([['dead'], 'up'])
    await balancer.reload(optionsOf({ backends, failOpen: 'off' }))
    expect(statesOf(balancer)).to.deep.equal([undefined, undefined])
    // Whoever was down may be tried again.
    const order = balancer.pool().explain('192.0.2.1').order
    expect(order).to.have.members(['a', 'dead'])
    balancer.pool().update('a', { state: 'maint' })
    expect(balancer.pool().pick('192.0.2.1').backend).to.equal('dead')
  })

  it('keeps what was found when they change', async () => {
    const [a, b] = [await backend('a'), await backend('b')]
    const dead = { name: 'dead', address: `127.0.0.1:${await freePort()}` }
    const backends = [a.settings, b.settings, dead]
    const balancer = await listening({ backends, health: { ...CHECK, fall: 1 } })
    const told: string[] = []
    for (const event of ['backendUp', 'backendDown'] as const)
      balancer.on(event, ({ name }) => told.push(`${event} ${name}`))
    await until('checks to be told', () => told.length === 3)
    expect(statesOf(balancer)).to.deep.equal(['up', 'up', 'down'])
    for (const initial of ['down', 'up', 'check'] as const) {
      await balancer.reload(optionsOf({ backends, health: { ...CHECK, fall: 1, initial, timeout: '900ms' } }))
      expect(statesOf(balancer), initial).to.deep.equal(['up', 'up', 'down'])
    }
    let checks = 0
    a.server.on('connection', () => checks++)
    await until('checks with the new settings', () => checks > 3)
    expect(told).to.have.length(3)
    // A port where nobody is: the new settings are those that are used.
    await balancer.reload(
      optionsOf({ backends, failOpen: 'off', health: { ...CHECK, fall: 1, port: await freePort() } }),
    )
    await until('all of them to be down', () => statesOf(balancer).every(status => status === 'down'))
    await balancer.reload(optionsOf({ backends, failOpen: 'off', health: CHECK }))
    await until('them to be up', () => statesOf(balancer).join() === 'up,up,down')
  })

  it('takes another failOpen at once', async () => {
    const a = await backend('a')
    const dead = ['x', 'y', 'z'].map(name => ({ name, address: '127.0.0.1:9' }))
    const backends = [a.settings, ...dead]
    const options = (failOpen: 'off' | number): PoolOptions => ({ backends, failOpen, health: { ...CHECK, fall: 1 } })
    const balancer = await listening(options('off'))
    await until('checks', () => statesOf(balancer).join() === 'up,down,down,down')
    expect(balancer.stats().pools.p?.isFailOpen).to.equal(false)
    await balancer.reload(optionsOf(options(50)))
    expect(balancer.stats().pools.p?.isFailOpen).to.equal(true)
    await balancer.reload(optionsOf(options('off')))
    expect(balancer.stats().pools.p?.isFailOpen).to.equal(false)
  })
})

describe('a reload of what a pool does', () => {
  afterEach(cleanUp)

  it('begins and ends ejection', async () => {
    const a = await backend('a')
    const dead = { name: 'dead', address: `127.0.0.1:${await freePort()}` }
    const backends = [a.settings, dead]
    const pool: PoolOptions = { backends, stickTable: 'off', boundedLoad: 'off' }
    const balancer = await listening(pool)
    const ejected = (): boolean => balancer.pool().backends()[1]?.health?.ejectedUntil !== undefined
    await balancer.reload(optionsOf({ ...pool, ejection: { failures: 1, baseTime: '1h', maxEjected: 100 } }))
    await until('an ejection', async () => {
      for (let n = 1; n <= 20; n++) await ask(portOf(balancer), 'x', `127.0.7.${n}`)
      return ejected()
    })
    expect(await ask(portOf(balancer), 'x')).to.equal('hello x')
    await balancer.reload(optionsOf(pool))
    expect(ejected()).to.equal(false)
    expect(balancer.pool().backends()[1]?.health).to.equal(undefined)
  })

  it('changes the limits of clients and the bound', async () => {
    const [a, b] = [await backend('a'), await backend('b')]
    const backends = [a.settings, b.settings]
    const balancer = await listening({ backends, boundedLoad: 'off' })
    const pool = balancer.pool()
    const pick = (): (() => void) => {
      const decision = pool.pick('192.0.2.1')
      return () => decision.release()
    }
    const codeOf = (): string | undefined => {
      try {
        pick()()
        return undefined
      } catch (error) {
        return (error as { code?: string }).code
      }
    }
    expect(pool.backends().map(({ bound }) => bound)).to.deep.equal([null, null])
    const first = pick()
    await balancer.reload(optionsOf({ backends, boundedLoad: 1.5, limits: { sessionsPerKey: 1 } }))
    expect(pool.backends().map(({ bound }) => bound)).to.deep.equal([2, 2])
    // The one from before does not count.
    const second = pick()
    expect(codeOf()).to.equal('LIMPET_ERR_KEY_SESSIONS')
    second()
    first()
    expect(codeOf()).to.equal(undefined)
    await balancer.reload(optionsOf({ backends, limits: { newPerSecondPerKey: 1, burst: 2 } }))
    expect([codeOf(), codeOf(), codeOf()]).to.deep.equal([undefined, undefined, 'LIMPET_ERR_KEY_RATE'])
    await balancer.reload(optionsOf({ backends }))
    expect(Array.from({ length: 20 }, codeOf).filter(code => code !== undefined)).to.deep.equal([])
  })

  it('changes how many sessions the pool has, and when clients go home', async () => {
    const [a, b] = [await backend('a'), await backend('b')]
    const backends = [a.settings, b.settings]
    const balancer = await listening({ backends, boundedLoad: 'off' })
    const pool = balancer.pool()
    const first = pool.pick('192.0.2.1')
    await balancer.reload(optionsOf({ backends, boundedLoad: 'off', maxSessions: 1 }))
    expect(() => pool.pick('192.0.2.1'))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_POOL_FULL')
    first.release()
    const home = pool.pick('192.0.2.1')
    home.release()
    pool.update(home.backend, { state: 'maint' })
    pool.pick('192.0.2.1').release()
    pool.update(home.backend, { state: 'ready' })
    const reasonOf = (): string => {
      const decision = pool.pick('192.0.2.1')
      decision.release()
      return decision.reason
    }
    expect(reasonOf()).to.equal('pin')
    await balancer.reload(optionsOf({ backends, returnHome: 'next-connect' }))
    expect([reasonOf(), reasonOf()]).to.deep.equal(['returned', 'pin'])
  })

  it('begins and ends to ask agents, and asks others', async () => {
    const a = await backend('a')
    const agents = await Promise.all(
      ['drain', 'maint'].map(async words => {
        const server = createServer(socket => socket.on('error', () => undefined).end(`${words}\n`))
        server.listen(0, '127.0.0.1')
        await once(server, 'listening')
        afterTest(() => server.close())
        return (server.address() as AddressInfo).port
      }),
    )
    const backends = [a.settings]
    const balancer = await listening({ backends })
    const stateOf = (): string | undefined => balancer.pool().backends()[0]?.agent?.state
    for (const [at, port] of agents.entries()) {
      await balancer.reload(optionsOf({ backends, agent: { port, interval: '1s' } }))
      await until('the agent to be heard', () => stateOf() === (at === 0 ? 'drain' : 'maint'))
    }
    await balancer.reload(optionsOf({ backends }))
    expect(stateOf()).to.equal(undefined)
    expect(balancer.pool().backends()[0]?.takesNew).to.equal(true)
  })

  it('begins and ends slow start', async () => {
    const [a, b] = [await backend('a'), await backend('b')]
    const backends = [a.settings, b.settings]
    const balancer = await listening({ backends })
    const rampOf = (): number | undefined => balancer.pool().backends()[1]?.ramp
    const comeBack = (): void => {
      balancer.pool().update('b', { state: 'maint' })
      balancer.pool().update('b', { state: 'ready' })
    }
    comeBack()
    expect(rampOf()).to.equal(undefined)
    await balancer.reload(optionsOf({ backends, slowStart: '1h' }))
    expect(rampOf()).to.equal(undefined)
    comeBack()
    expect(rampOf()).to.be.below(0.5)
    await balancer.reload(optionsOf({ backends }))
    expect(rampOf()).to.equal(undefined)
  })

  it('changes how many backends are tried', async () => {
    const dead = await Promise.all(
      ['a', 'b', 'c'].map(async name => ({ name, address: `127.0.0.1:${await freePort()}` })),
    )
    const balancer = await listening({ backends: dead, retries: 0 })
    const triesOf = async (): Promise<number> => {
      const before = balancer.stats().counters.connectRefused
      const client = await Conn.open({ host: '127.0.0.1', port: portOf(balancer) })
      await client.over()
      return balancer.stats().counters.connectRefused - before
    }
    expect(await triesOf()).to.equal(1)
    await balancer.reload(optionsOf({ backends: dead, retries: 2 }))
    expect(await triesOf()).to.equal(3)
  })
})

describe('a reload of other settings', () => {
  afterEach(cleanUp)

  it('names what it changed, in order, and does nothing twice', async () => {
    const a = await backend('a')
    const pool = { backends: [a.settings] }
    const balancer = await listening(pool)
    const next = optionsOf(pool, { shutdownTimeout: '7s', log: { level: 'silent', sessions: 'on' } })
    const { settings } = await balancer.reload(next)
    expect(settings).to.deep.equal([
      { path: 'shutdownTimeout', kind: 'changed' },
      { path: 'log.sessions', kind: 'changed' },
    ])
    expect(balancer.settings()).to.deep.include({ shutdownTimeout: '7s', log: { level: 'silent', sessions: 'on' } })
    const roster = balancer.stats().pools.p?.roster
    expect((await balancer.reload(next)).settings).to.deep.equal([])
    expect(balancer.stats().pools.p?.roster).to.equal((roster ?? 0) + 1)
  })

  it('is refused as a whole where anything needs a restart', async () => {
    const a = await backend('a')
    const pool = { backends: [a.settings] }
    const balancer = await listening(pool)
    const before = balancer.settings()
    const next = optionsOf(
      { ...pool, secret: 'another secret of tests', retries: 9, stickTable: { size: 7777 } },
      { threads: 3 },
    )
    const error = await rejection(balancer.reload(next))
    expect(error.code).to.equal('LIMPET_ERR_NEEDS_RESTART')
    expect(error.message).to.match(/restart is needed for threads, pools\.p\.secret, pools\.p\.stickTable\.size$/)
    expect(balancer.settings()).to.deep.equal(before)
  })
})
