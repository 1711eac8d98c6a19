import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import type { BackendHealthChange } from '../../src/balancer-types.ts'
import type { DescribedBackend } from '../../src/config/describe.ts'
import type { BackendOptions, HealthOptions, PoolOptions } from '../../src/config/options.ts'
import { Directory } from '../helpers/directory.ts'
import { freePort } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Backend, named } from '../helpers/servers.ts'
import { within } from '../helpers/wait.ts'
import {
  afterTest,
  cleanUp,
  connectTo,
  firstData,
  makeBalancer,
  portOf,
  readAll,
  thrownCode,
  until,
} from './helpers.ts'

const QUICK = { interval: '10ms', fastInterval: '10ms', timeout: '10s', rise: 1, fall: 1 } as const

async function started(settings: Parameters<typeof Backend.start>[0] = {}): Promise<Backend> {
  const backend = await Backend.start({ serve: named, ...settings })
  afterTest(() => backend[Symbol.asyncDispose]())
  return backend
}

/** An HTTP server whose answer can be changed. */
async function helper(): Promise<{ port: number; answer: number }> {
  const state = { port: 0, answer: 200 }
  const server = createServer((_, response) => response.writeHead(state.answer).end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterTest(() => server.close())
  state.port = (server.address() as AddressInfo).port
  return state
}

async function listening(backends: BackendOptions[], pool: PoolOptions = {}, state = 'off'): Promise<Balancer> {
  const balancer = makeBalancer({ backends, health: QUICK, failOpen: 'off', ...pool }, { state })
  await balancer.listen()
  return balancer
}

function statusesOf(balancer: Balancer): (string | undefined)[] {
  return balancer
    .pool()
    .backends()
    .map(({ health }) => health?.status)
}

describe('checks of one backend', () => {
  afterEach(cleanUp)

  it('go to a port, an address or a protocol of its own, or nowhere', async () => {
    const [well, dead] = [await started(), `127.0.0.1:${await freePort()}`]
    const web = await helper()
    const directory = await Directory.make()
    afterTest(() => directory[Symbol.asyncDispose]())
    const local = await started({ path: directory.file('u.sock') })
    const own: BackendOptions['health'][] = [
      { port: well.port },
      { address: well.address },
      { address: `localhost:${well.port}` },
      { address: local.address },
      { type: 'http', port: web.port, path: '/' },
      { type: 'http', port: web.port, status: 500 },
      'off',
      'pool',
    ]
    const balancer = await listening(own.map((health, n) => ({ name: `b${n}`, address: dead, health })))
    const down = [5, 7]
    const wanted = own.map((health, n) => (health === 'off' ? undefined : down.includes(n) ? 'down' : 'up'))
    expect(statusesOf(balancer)).to.deep.equal(wanted)
    // Who is not checked serves.
    const backends = new Set(Array.from({ length: 200 }, (_, n) => balancer.pick(`10.0.0.${n}`).backend))
    expect([backends.has('b5'), backends.has('b6'), backends.has('b7')]).to.deep.equal([false, true, false])
    expect(balancer.pool().backends()[0]?.checks).to.deep.equal({ port: well.port })
  })

  it('are there also where the pool has none, and go by their own settings', async () => {
    const a = await started()
    const web = await helper()
    const health: HealthOptions = { ...QUICK, type: 'http', port: web.port, fall: 3 }
    const backends = [
      { name: 'a', address: a.address, health },
      { name: 'b', address: a.address },
    ]
    const balancer = await listening(backends, { health: 'off' })
    expect(statusesOf(balancer)).to.deep.equal(['up', undefined])
    const down = once(balancer, 'backendDown') as Promise<[BackendHealthChange]>
    web.answer = 503
    expect((await within('the backend to be down', down))[0]).to.include({ name: 'a', reason: 'status 503' })
    expect(statusesOf(balancer)).to.deep.equal(['down', undefined])
  })

  it('can be changed while it serves, and are refused where they do not fit', async () => {
    const a = await started()
    const web = await helper()
    web.answer = 503
    const balancer = await listening([{ name: 'a', address: a.address }])
    const pool = balancer.pool()
    const { address } = a
    for (const wrong of [
      () => pool.update('a', { health: { path: '/x' } }),
      () => pool.update('a', { health: { type: 'expect' } }),
      () => pool.add({ name: 'b', address, health: { type: 'mysql', status: 200 } }),
    ])
      expect(thrownCode(wrong)).to.equal('LIMPET_ERR_CONFIG')
    expect(pool.size).to.equal(1)
    const statuses: (string | undefined)[] = []
    balancer.on('backendUp', () => statuses.push('up')).on('backendDown', () => statuses.push('down'))
    pool.update('a', { health: { type: 'http', port: web.port } })
    await until(() => statuses.at(-1) === 'down')
    expect(pool.backends()[0]).to.deep.include({ checks: { type: 'http', port: web.port } })
    pool.update('a', { health: 'off' })
    expect(statusesOf(balancer)).to.deep.equal([undefined])
    pool.pick('10.0.0.1').release()
    pool.update('a', { health: 'pool', weight: 3 })
    await until(() => statusesOf(balancer)[0] === 'up')
    expect(pool.backends()[0]).to.not.have.property('checks')
  })

  it('hold what was found until the same server was asked in the new way', async () => {
    const a = await started()
    const balancer = await listening([{ name: 'a', address: a.address }])
    balancer.pool().update('a', { health: { fall: 5 } })
    expect(statusesOf(balancer)).to.deep.equal(['up'])
    balancer.pool().update('a', { health: { port: await freePort() } })
    expect(statusesOf(balancer)).to.deep.equal(['unknown'])
    await until(() => statusesOf(balancer)[0] === 'down')
  })

  it('are changed by a reload, and kept over a restart', async () => {
    const a = await started()
    const directory = await Directory.make()
    afterTest(() => directory[Symbol.asyncDispose]())
    const state = directory.file('state.json')
    const dead = await freePort()
    const backends = [{ name: 'a', address: a.address }]
    const options = (health: BackendOptions['health']) => ({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
      pools: {
        p: {
          secret: 'a secret of tests',
          stickTable: { size: 1000 },
          health: QUICK,
          failOpen: 'off' as const,
          backends: [{ name: 'a', address: a.address, health }],
        },
      },
      log: { level: 'silent' as const },
      state,
    })
    const first = await listening(backends, {}, state)
    const { updated } = await first.reload(options({ port: dead }))
    expect(updated.map(({ name, checks }) => [name, checks])).to.deep.equal([['a', { port: dead }]])
    await until(() => statusesOf(first)[0] === 'down')
    const described = first.settings().pools.p?.backends as DescribedBackend[]
    expect(described[0]?.health).to.deep.equal({ port: dead })
    expect((await first.reload(options({ port: dead }))).updated).to.deep.equal([])
    await first.reload(options('pool'))
    await until(() => statusesOf(first)[0] === 'up')
    first.pool().update('a', { health: 'off' })
    await first.close()

    const second = await listening(backends, {}, state)
    expect(second.pool().backends()[0]?.checks).to.equal('off')
    expect(statusesOf(second)).to.deep.equal([undefined])
  })
})

forEachRelay('checks of one backend', pair => {
  afterEach(cleanUp)

  it('say what becomes of its sessions', async () => {
    const web = await helper()
    const all = [await started({ name: 'a' }), await started({ name: 'b' })]
    const type = { ...QUICK, type: 'http', port: web.port } as const
    const backends = all.map(({ name, address }) => ({ name, address }))
    const [a, b] = backends as [BackendOptions, BackendOptions]
    const balancer = makeBalancer(
      {
        backends: [{ ...a, health: { onDown: { sessions: 'close', perSecond: 0 } } }, b],
        health: type,
        failOpen: 'off',
        boundedLoad: 'off',
      },
      { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }] },
    )
    await balancer.listen()
    const sessions = new Map<string, Promise<unknown>>()
    const sockets = new Map<string, { destroyed: boolean }>()
    for (let n = 1; sessions.size < 2; n++) {
      const socket = await connectTo(portOf(balancer), `127.0.10.${n}`)
      const name = (await firstData(socket)).trim()
      sessions.set(name, readAll(socket))
      sockets.set(name, socket)
    }
    const downs: string[] = []
    balancer.on('backendDown', ({ name }) => downs.push(name))
    web.answer = 503
    await within('the session of a to be closed', sessions.get('a') ?? Promise.reject(new Error('no session of a')))
    await until(() => downs.length === 2)
    expect(balancer.stats().counters.endClosed).to.be.at.least(1)
    expect(sockets.get('b')?.destroyed).to.equal(false)
  })
})
