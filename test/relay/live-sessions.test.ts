import { expect } from 'chai'
import type { SessionFilter, SessionInfo } from '../../src/index.ts'
import { clientAddress } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, echo, named } from '../helpers/servers.ts'
import { until, within } from '../helpers/wait.ts'

async function live(rig: Rig, filter?: SessionFilter): Promise<SessionInfo[]> {
  const all: SessionInfo[] = []
  for await (const session of rig.balancer.sessions(filter)) all.push(session)
  return all
}

forEachRelay('live sessions', pair => {
  it('are listed with what is known of them', async () => {
    await using backend = await Backend.start({ serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend] })
    expect(await live(rig)).to.deep.equal([])
    const before = Date.now()
    const client = await rig.connect({ localAddress: clientAddress(1) })
    await client.send('12345')
    expect(String(await client.read(5))).to.equal('12345')
    await until('both ways to be counted', () => rig.counters.bytesToClient === 5)
    const [session, ...others] = await live(rig)
    expect(others).to.deep.equal([])
    const { id, since, idleMs, connectMs, ...rest } = session ?? expect.fail('there is no session')
    expect(rest).to.deep.equal({
      relay: pair.relay,
      state: 'open',
      listener: 'l',
      pool: rig.pool,
      clientAddress: clientAddress(1),
      clientPort: client.socket.localPort,
      backend: 'a',
      reason: 'home',
      bytesToBackend: 5,
      bytesToClient: 5,
    })
    // Two clocks, each rounded.
    expect(since).to.be.within(before - 1000, Date.now() + 1000)
    expect(idleMs).to.be.within(0, Date.now() - before + 1000)
    expect(connectMs).to.be.at.least(0)
    client.destroy()
    await rig.settle()
    expect(rig.closes.map(closed => closed.id)).to.deep.equal([id])
  })

  it('are those of a pool, a backend, a listener', async () => {
    await using a = await Backend.start({ name: 'a', serve: named })
    await using b = await Backend.start({ name: 'b', serve: named })
    await using rig = await Rig.open(pair, { backends: [a, b], pool: { boundedLoad: 'off' } })
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, n) => rig.connect({ localAddress: clientAddress(n) })),
    )
    const names = await Promise.all(clients.map(client => client.line()))
    const onA = names.filter(name => name === 'a').length
    expect(onA).to.be.within(1, 39)
    const counts = async (...filters: SessionFilter[]): Promise<number[]> =>
      await Promise.all(filters.map(async filter => (await live(rig, filter)).length))
    // Several at a time: each has its own answer.
    expect(
      await counts({}, { backend: 'a' }, { backend: 'b' }, { backend: 'gone' }, { pool: rig.pool, listener: 'l' }),
    ).to.deep.equal([40, onA, 40 - onA, 0, 40])
    for (const filter of [{ pool: 'nowhere' }, { listener: 'nowhere' }]) {
      const error = await live(rig, filter).catch((failure: unknown) => failure)
      expect(error)
        .to.have.property('code')
        .that.matches(/^LIMPET_ERR_UNKNOWN_(POOL|LISTENER)$/)
    }
    rig.hangUp()
    await rig.settle()
  })

  it('are closed one by one, and nobody else is', async () => {
    await using backend = await Backend.start({ serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const clients = await Promise.all(
      Array.from({ length: 3 }, (_, n) => rig.connect({ localAddress: clientAddress(n) })),
    )
    for (const client of clients) {
      await client.send('x')
      await client.read(1)
    }
    const all = await live(rig)
    const victim = all.find(session => session.clientAddress === clientAddress(1)) ?? expect.fail('it is not listed')
    expect(await rig.balancer.closeSession(victim.id)).to.equal(true)
    expect(await clients[1]?.read(1), 'what comes before the end').to.have.length(0)
    expect(await rig.causes(1)).to.deep.equal(['endClosed'])
    expect(await rig.balancer.closeSession(victim.id)).to.equal(false)
    expect((await live(rig)).map(({ id }) => id)).to.have.members(
      all.map(({ id }) => id).filter(id => id !== victim.id),
    )
    for (const client of [clients[0], clients[2]]) {
      await client?.send('y')
      expect(String(await client?.read(1))).to.equal('y')
    }
    rig.hangUp()
    await rig.settle()
  })

  it('of a backend are closed, and come back to it, or elsewhere', async () => {
    await using a = await Backend.start({ name: 'a', serve: named })
    await using b = await Backend.start({ name: 'b', serve: named })
    await using rig = await Rig.open(pair, { backends: [a, b], pool: { boundedLoad: 'off' } })
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, n) => rig.connect({ localAddress: clientAddress(n) })),
    )
    const names = await Promise.all(clients.map(client => client.line()))
    const guests = clients.filter((_, n) => names[n] === 'a')
    rig.balancer.pool().update('a', { state: 'drain-hard' })
    expect(await rig.balancer.closeSessions({ backend: 'a' }, { perSecond: 0 })).to.equal(guests.length)
    for (const guest of guests) expect(await guest.read(1), 'what comes before the end').to.have.length(0)
    await until('the sessions of a to end', () => rig.loads.a === 0)
    expect(rig.loads).to.deep.equal({ a: 0, b: 40 - guests.length })
    expect(rig.counters.endClosed).to.equal(guests.length)
    for (const client of guests) {
      const again = await rig.connect({ localAddress: client.socket.localAddress ?? '' })
      expect(await again.line()).to.equal('b')
    }
    rig.hangUp()
    await rig.settle()
  })

  it('are not told as connecting when they have ended before somebody looks', async () => {
    await using backend = await Backend.start({ serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const clients = await Promise.all([rig.connect(), rig.connect()])
    for (const client of clients) expect(await client.echo('hello')).to.equal('hello')
    const states: string[] = []
    for await (const { state } of rig.balancer.sessions()) {
      states.push(state)
      for (const client of clients) client.reset()
      await until('the sessions to end', () => rig.stats.sessions === 0)
    }
    // The native relay looks at many at one time: it may have seen both.
    expect(states).to.have.length.within(1, pair.relay === 'native' ? 2 : 1)
    expect(new Set(states)).to.deep.equal(new Set(['open']))
  })

  it('are closed slowly only for as long as the balancer is open', async () => {
    await using backend = await Backend.start({ serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    expect(await client.echo('hello')).to.equal('hello')
    const closing = rig.balancer.closeSessions({}, { perSecond: 0.001, deadlineMs: 86_400_000 })
    await rig.balancer.destroy()
    expect(await within('the closing to be given up', closing)).to.equal(0)
  })
})
