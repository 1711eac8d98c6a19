import { expect } from 'chai'
import type { AffinityOptions, HotKeyOptions, KeyFunction, ListenerOptions } from '../../src/index.ts'
import { type Conn, clientAddress } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { type Backends, named, startBackends } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const SPREAD = 4
const SESSIONS = rounds(250, 1000)
/** Everybody behind it. */
const TOWN = clientAddress(200)
const RETURNING = 40

interface Visit {
  conn: Conn
  port: number
  name: string
}

forEachRelay('many clients behind one address', pair => {
  let backends: Backends

  beforeEach(async () => {
    backends = await startBackends(NAMES, named)
  })
  afterEach(async () => {
    await backends[Symbol.asyncDispose]()
  })

  const open = async (
    hotKey: HotKeyOptions,
    peek?: ListenerOptions['peek'],
    affinity: AffinityOptions = {},
  ): Promise<Rig> =>
    await Rig.open(pair, {
      backends: backends.all,
      pool: { affinity: { ...affinity, hotKey: { share: 0.5, spread: SPREAD, ...hotKey } } },
      listener: peek === undefined ? {} : { peek },
    })

  async function visit(rig: Rig, head = '', localPort?: number, localAddress = TOWN): Promise<Visit> {
    const conn = await rig.connect({ localAddress, ...(localPort === undefined ? {} : { localPort }) })
    const port = conn.socket.localPort ?? 0
    if (head !== '') await conn.send(head)
    return { conn, port, name: await conn.line() }
  }

  async function leave(rig: Rig, visits: readonly Visit[]): Promise<void> {
    const left = rig.stats.sessions - visits.length
    // A FIN would keep the ports from being used again.
    for (const { conn } of visits) conn.reset()
    await until('they to be gone', () => rig.stats.sessions === left)
  }

  it('are spread over a few backends, come back to their own, and the others stay', async () => {
    await using rig = await open({})
    const others = await Promise.all(NAMES.map(async (_, at) => await visit(rig, '', undefined, clientAddress(at))))
    const visits: Visit[] = []
    for (let i = 0; i < SESSIONS; i++) visits.push(await visit(rig))
    const pool = rig.balancer.pool()
    expect(new Set(visits.map(({ name }) => name)).size).to.be.within(2, SPREAD)
    expect(new Set(pool.explain(TOWN).spread).size).to.equal(SPREAD)
    expect(pool.explain(TOWN).spread?.[0]).to.equal(pool.explain(TOWN).home)
    const most = Math.max(...NAMES.map(name => visits.filter(visit => visit.name === name).length))
    expect(most).to.be.below(SESSIONS * 0.7)

    const { keys, hottest } = await pool.liveKeys({ top: 2 })
    expect(keys).to.equal(1 + others.length)
    expect(hottest[0]).to.include({ key: `${TOWN}/32`, sessions: SESSIONS, spread: SPREAD })
    expect(hottest[1]).not.to.have.property('spread')
    expect(rig.stats.pools[rig.pool]).to.include({ hotKeys: 1 })
    expect(rig.stats.pools[rig.pool]?.spreadPicks).to.be.within(SESSIONS / 2, SESSIONS)

    const returning = visits.slice(-RETURNING)
    await leave(rig, returning)
    for (const { port, name } of returning) expect((await visit(rig, '', port)).name).to.equal(name)
    await leave(rig, others)
    for (const [at, { name }] of others.entries()) {
      expect((await visit(rig, '', undefined, clientAddress(at))).name).to.equal(name)
    }
    rig.hangUp()
    await rig.settle()
  })

  it('are told apart by what is in their first bytes, and nobody else is waited for', async () => {
    await using rig = await open({ by: 'http.cookie:id' }, { timeout: '60s' })
    const head = (id: number): string => `GET / HTTP/1.1\r\nCookie: id=${id}\r\n\r\n`
    const visits: Visit[] = []
    // Server first, while it is not hot.
    for (let i = 0; i < 16; i++) visits.push(await visit(rig))
    const homes = new Map<number, string>()
    for (let id = 0; id < RETURNING; id++) homes.set(id, (await visit(rig, head(id))).name)
    expect(new Set(homes.values()).size).to.be.within(2, SPREAD)
    for (const [id, name] of homes) expect((await visit(rig, head(id))).name).to.equal(name)
    await visit(rig, '', undefined, clientAddress(1))
    rig.hangUp()
    await rig.settle()
  })

  it('are told apart by their addresses where one prefix is their key', async () => {
    await using rig = await open({ by: 'address' }, undefined, { ipv4Prefix: 24 })
    for (let i = 0; i < 32; i++) await visit(rig)
    const names = new Map<string, string>()
    for (let i = 1; i <= RETURNING; i++) {
      const address = clientAddress(i)
      names.set(address, (await visit(rig, '', undefined, address)).name)
    }
    expect(new Set(names.values()).size).to.be.within(2, SPREAD)
    for (const [address, name] of names) expect((await visit(rig, '', undefined, address)).name).to.equal(name)
    rig.hangUp()
    await rig.settle()
  })

  it('are told apart by their ports where nothing comes', async () => {
    await using rig = await open({ by: 'tls.sessionId' }, { timeout: '20ms' })
    const visits: Visit[] = []
    for (let i = 0; i < 32; i++) visits.push(await visit(rig))
    expect(rig.stats.pools[rig.pool]).to.include({ hotKeys: 1 })
    expect(new Set(visits.map(({ name }) => name)).size).to.be.within(2, SPREAD)
    const last = visits.slice(-4)
    await leave(rig, last)
    for (const { port, name } of last) expect((await visit(rig, '', port)).name).to.equal(name)
    rig.hangUp()
    await rig.settle()
  })

  it('are waited for once, where both their key and what tells them apart are in their first bytes', async () => {
    const timeoutMs = 1200
    const wants = async (key: string | KeyFunction): Promise<number> => {
      await using rig = await open({ by: 'http.cookie:id' }, { timeout: timeoutMs }, { key: [key, 'source'] })
      const pool = rig.balancer.pool()
      const seats = Array.from({ length: 32 }, () => pool.pick(TOWN))
      expect(rig.stats.pools[rig.pool]).to.include({ hotKeys: 1 })
      const from = performance.now()
      await visit(rig)
      const waitedMs = performance.now() - from
      expect(rig.counters.keyLate).to.equal(1)
      for (const seat of seats) seat.release()
      rig.hangUp()
      await rig.settle()
      return waitedMs
    }
    // Functions are asked in JavaScript, wherever the session goes then.
    const keys: (string | KeyFunction)[] = ['mqtt.clientId']
    if (pair.listener.acceptor === 'net') keys.push(() => 'more')
    for (const waitedMs of await Promise.all(keys.map(wants))) {
      expect(waitedMs).to.be.within(timeoutMs - 20, 2 * timeoutMs - 20)
    }
  })
})
