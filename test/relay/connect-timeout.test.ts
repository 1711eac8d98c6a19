import { expect } from 'chai'
import { Blackhole } from '../helpers/blackhole.ts'
import { clientAddress } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, named } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

const CONNECT_MS = 500

// Row 15 of the fault matrix: a backend whose queue is full drops every SYN, as a firewall does.
forEachRelay('a backend that does not answer', pair => {
  it('is given up after the connect timeout, and the client gets another one', async () => {
    await using hole = await Blackhole.open()
    await using live = await Backend.start({ name: 'live', serve: named })
    await using rig = await Rig.open(pair, {
      backends: [{ name: 'hole', address: hole.address }, live],
      pool: { timeouts: { connect: CONNECT_MS }, boundedLoad: 'off' },
    })
    const pool = rig.balancer.pool()
    const addresses = Array.from({ length: 100 }, (_, n) => clientAddress(n))
    const victims = addresses.filter(address => pool.explain(address).home === 'hole').slice(0, 10)
    expect(victims.length).to.equal(10)
    await Promise.all(
      victims.map(async localAddress => {
        const began = performance.now()
        const client = await rig.connect({ localAddress })
        expect(await client.line()).to.equal('live')
        expect(performance.now() - began, 'not before its time').to.be.at.least(CONNECT_MS * 0.9)
        expect(pool.explain(localAddress).pin?.backend).to.equal('live')
      }),
    )
    expect(rig.counters).to.include({ connectTimeout: 10, opened: 10 })
    rig.hangUp()
    await rig.settle()
  })

  it('is closed when it is the only one', async () => {
    await using hole = await Blackhole.open()
    await using rig = await Rig.open(pair, {
      backends: [{ name: 'hole', address: hole.address }],
      pool: { timeouts: { connect: CONNECT_MS } },
    })
    const client = await rig.connect()
    expect(await client.over()).to.equal('end')
    await rig.settle()
    expect(rig.counters).to.include({ connectTimeout: 1, refusedNoBackend: 1, opened: 0 })
  })

  it('is forgotten by a client that leaves before', async () => {
    await using hole = await Blackhole.open()
    await using rig = await Rig.open(pair, {
      backends: [{ name: 'hole', address: hole.address }],
      pool: { timeouts: { connect: '1h' } },
    })
    for (let n = 0; n < 10; n++) {
      const client = await rig.connect()
      await until('the client to be accepted', () => rig.counters.accepted === n + 1)
      client.reset()
    }
    await rig.settle()
    expect(rig.counters.endClientGone + rig.counters.refusedNoAddress).to.equal(10)
    expect(rig.balancer.pool().backends()[0]?.connectFailures, 'nobody is blamed').to.equal(0)
  })
})
