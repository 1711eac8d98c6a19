import { once } from 'node:events'
import { expect } from 'chai'
import type { ClosingInfo } from '../../src/index.ts'
import { type Conn, clientAddress, freePort } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, named } from '../helpers/servers.ts'
import { until, within } from '../helpers/wait.ts'

const CLIENTS = 12
/** So slow that nothing but the deadline, or a stop, ends it. */
const SLOWLY = { perSecond: 0.001, deadlineMs: 3_600_000 }
const QUICK = { interval: '20ms', fastInterval: '10ms', timeout: '5s', rise: 1, fall: 1 } as const

async function crowd(rig: Rig): Promise<Conn[]> {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, n) => rig.connect({ localAddress: clientAddress(n) })),
  )
  for (const client of clients) await client.line()
  return clients
}

/** Every one of them answers. */
async function allLive(clients: readonly Conn[]): Promise<void> {
  for (const client of clients) {
    await client.send('x')
    expect(String(await client.read(1))).to.equal('x')
  }
}

forEachRelay('a closing of sessions at a pace', pair => {
  it('is told while it runs, and when it is over', async () => {
    await using backend = await Backend.start({ name: 'a', serve: named })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const { balancer } = rig
    await crowd(rig)
    const told: [string, ClosingInfo][] = []
    for (const event of ['closingStarted', 'closingEnded'] as const)
      balancer.on(event, closing => told.push([event, closing]))
    const before = Date.now()
    const { info, done } = await balancer.closings.begin('asked', { backend: 'a' }, { perSecond: 40 })
    const { since, remainingMs, ...facts } = info
    expect(facts).to.deep.equal({ id: '1', cause: 'asked', backend: 'a', state: 'running', total: CLIENTS, closed: 0 })
    expect(since).to.be.within(before - 1000, Date.now() + 1000)
    expect(remainingMs).to.be.within(1, (CLIENTS / 40) * 1000)
    expect(balancer.closings.get('1')).to.deep.include({ state: 'running' })
    expect(await done).to.equal(CLIENTS)
    await until('both events', () => told.length === 2)
    expect(told.map(([event, { state, closed }]) => [event, state, closed])).to.deep.equal([
      ['closingStarted', 'running', 0],
      ['closingEnded', 'done', CLIENTS],
    ])
    expect(balancer.closings.list()).to.deep.equal([told[1]?.[1]])
    expect(await rig.causes(CLIENTS)).to.deep.equal(new Array(CLIENTS).fill('endClosed'))
    await rig.settle()
  })

  it('can be stopped: what is left lives on', async () => {
    await using backend = await Backend.start({ name: 'a', serve: named })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const clients = await crowd(rig)
    const { info, done } = await rig.balancer.closings.begin('asked', { pool: rig.pool }, SLOWLY)
    expect(rig.balancer.closings.stop('none')).to.equal(undefined)
    expect(rig.balancer.closings.stop(info.id)).to.include({ state: 'stopped', closed: 0, total: CLIENTS })
    expect(await within('its end', done)).to.equal(0)
    expect(rig.balancer.closings.stop(info.id), 'once more').to.include({ state: 'stopped' })
    await allLive(clients)
    rig.hangUp()
    await rig.settle()
    expect(rig.counters.endClosed).to.equal(0)
  })

  it('that a check began ends when the backend is taken into maintenance: its sessions live on', async () => {
    await using backend = await Backend.start({ name: 'a', serve: named })
    const port = await freePort()
    // Something of its own answers the checks: the backend only seems to be down, and keeps its sessions.
    await using prober = await Backend.start({ port })
    const onDown = { sessions: 'close', perSecond: 1, deadline: '1h' } as const
    await using rig = await Rig.open(pair, {
      backends: [backend],
      pool: { health: { ...QUICK, port, onDown }, failOpen: 'off' },
    })
    const clients = await crowd(rig)
    const begun = once(rig.balancer, 'closingStarted')
    await prober.kill()
    const [started] = (await within('the closing to begin', begun)) as [ClosingInfo]
    expect(started).to.include({ cause: 'down', backend: 'a', pool: rig.pool, total: CLIENTS })
    const ended = once(rig.balancer, 'closingEnded')
    rig.balancer.pool().update('a', { state: 'maint' })
    const [{ state, closed }] = (await within('the closing to end', ended)) as [ClosingInfo]
    expect(state).to.equal('stopped')
    expect(closed).to.be.below(CLIENTS)
    await until('those that were closed to be gone', () => rig.counters.endClosed === closed)
    const left = clients.filter(client => !rig.closes.some(({ clientPort }) => clientPort === client.socket.localPort))
    expect(left).to.have.length(CLIENTS - closed)
    await allLive(left)
    rig.hangUp()
    await rig.settle()
    expect(rig.counters.endClosed, 'nobody was closed after that').to.equal(closed)
  })
})
