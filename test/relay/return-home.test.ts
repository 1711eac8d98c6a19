import { expect } from 'chai'
import type { PoolOptions } from '../../src/index.ts'
import { type Conn, clientAddress } from '../helpers/net.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { named, startBackends } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

const localAddress = clientAddress(1)

/** A pool of two, and a client that home does not serve: its session on the other one. */
async function sentElsewhere(
  rig: Rig,
): Promise<{ home: string; other: string; session: Conn; setHome: (state: 'ready' | 'maint') => void }> {
  const pool = rig.balancer.pool()
  const [home = '', other = ''] = pool.explain(localAddress).order
  const setHome = (state: 'ready' | 'maint'): void => pool.update(home, { state })
  setHome('maint')
  const session = await rig.connect({ localAddress })
  expect(await session.line()).to.equal(other)
  setHome('ready')
  return { home, other, session, setHome }
}

function open(pair: RelayPair, backends: { all: Parameters<typeof Rig.open>[1]['backends'] }, pool: PoolOptions) {
  return Rig.open(pair, { backends: backends.all, pool })
}

forEachRelay('clients that were sent elsewhere', pair => {
  async function end(rig: Rig, session: Conn): Promise<void> {
    const { length } = rig.closes
    session.finish()
    await session.over()
    await until('the session to end', () => rig.closes.length > length)
  }

  it('stay there: returnHome: never', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, { boundedLoad: 'off' })
    const { other, session } = await sentElsewhere(rig)
    await end(rig, session)
    expect(rig.balancer.pool().explain(localAddress).pin).not.to.have.property('returns')
    const next = await rig.connect({ localAddress })
    expect(await next.line()).to.equal(other)
    expect(rig.stats.pools[rig.pool]?.decisions).to.include({ pin: 1, returned: 0 })
    rig.hangUp()
    await rig.settle()
  })

  it('go home with their next connection, while another session lives: next-connect', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, { boundedLoad: 'off', returnHome: 'next-connect' })
    const { home, other } = await sentElsewhere(rig)
    expect(rig.balancer.pool().explain(localAddress).pin).to.include({ backend: other, returns: true })
    const next = await rig.connect({ localAddress })
    expect(await next.line()).to.equal(home)
    expect(rig.loads).to.deep.equal({ a: 1, b: 1 })
    expect(rig.balancer.pool().explain(localAddress).pin).to.deep.include({ backend: home })
    const third = await rig.connect({ localAddress })
    expect(await third.line()).to.equal(home)
    expect(rig.stats.pools[rig.pool]?.decisions).to.include({ failover: 1, returned: 1, pin: 1 })
    rig.hangUp()
    await rig.settle()
    expect(rig.closes.map(({ reason }) => reason)).to.have.members(['failover', 'returned', 'pin'])
  })

  it('go home once no session of theirs lives: after-idle', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, { boundedLoad: 'off', returnHome: 'after-idle' })
    const { home, other, session } = await sentElsewhere(rig)
    const beside = await rig.connect({ localAddress })
    expect(await beside.line()).to.equal(other)
    await end(rig, session)
    expect(rig.balancer.pool().explain(localAddress).pin).not.to.have.property('returns')
    await end(rig, beside)
    expect(rig.balancer.pool().explain(localAddress).pin).to.include({ backend: other, returns: true })
    const next = await rig.connect({ localAddress })
    expect(await next.line()).to.equal(home)
    rig.hangUp()
    await rig.settle()
  })

  it('are served where they were if home does not answer', async () => {
    await using backends = await startBackends(['a', 'b'], named)
    await using rig = await open(pair, backends, { boundedLoad: 'off', returnHome: 'after-idle' })
    const { home, other, session } = await sentElsewhere(rig)
    await end(rig, session)
    await backends.all.find(({ name }) => name === home)?.[Symbol.asyncDispose]()
    const next = await rig.connect({ localAddress })
    expect(await next.line()).to.equal(other)
    expect(rig.counters.connectRefused).to.equal(1)
    await end(rig, next)
    expect(rig.balancer.pool().explain(localAddress).pin?.backend).to.equal(other)
    await rig.settle()
  })
})
