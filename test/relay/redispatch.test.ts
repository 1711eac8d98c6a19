import { expect } from 'chai'
import { clientAddress, freePort } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, named } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

const CLIENTS = 40

/** Backends on ports that refuse. */
async function dead(...names: string[]): Promise<{ name: string; address: string }[]> {
  return await Promise.all(names.map(async name => ({ name, address: `127.0.0.1:${await freePort()}` })))
}

// Row 14 of the fault matrix.
forEachRelay('backends that refuse', pair => {
  it('sends each client to the next backend of its order, and its pin follows', async () => {
    await using live = await Backend.start({ name: 'live', serve: named })
    const refusing = await dead('d1', 'd2')
    await using rig = await Rig.open(pair, { backends: [...refusing, live], pool: { retries: 3, boundedLoad: 'off' } })
    let expected = 0
    for (let n = 0; n < CLIENTS; n++) {
      const localAddress = clientAddress(n)
      expected += rig.balancer.pool().explain(localAddress).order.indexOf('live')
      const client = await rig.connect({ localAddress })
      expect(await client.line()).to.equal('live')
      client.finish()
      await client.over()
      expect(rig.balancer.pool().explain(localAddress).pin?.backend, localAddress).to.equal('live')
    }
    expect(rig.counters.connectRefused, 'a try for each backend before the live one').to.equal(expected)
    expect(expected).to.be.greaterThan(0)
    const { redispatch, home, pin } = rig.stats.pools[rig.pool]?.decisions ?? {}
    expect({ home, pin }).to.deep.equal({ home: CLIENTS, pin: 0 })
    expect(redispatch).to.equal(expected)
    await rig.settle()
    const failures = rig.balancer
      .pool()
      .backends()
      .map(({ name, connectFailures }) => [name, connectFailures] as const)
    expect(failures.reduce((total, [name, count]) => total + (name === 'live' ? 0 : count), 0)).to.equal(expected)
    expect(new Set(rig.closes.map(({ backend }) => backend))).to.deep.equal(new Set(['live']))

    for (let n = 0; n < CLIENTS; n++) {
      const client = await rig.connect({ localAddress: clientAddress(n) })
      expect(await client.line()).to.equal('live')
      client.finish()
      await client.over()
    }
    await rig.settle()
    expect(rig.counters.connectRefused, 'nobody who comes back is sent to a dead one').to.equal(expected)
    expect(rig.stats.pools[rig.pool]?.decisions.pin).to.equal(CLIENTS)
  })

  for (const retries of [0, 2]) {
    it(`tries ${retries + 1} backends with retries: ${retries}, then closes the client`, async () => {
      const refusing = await dead('a', 'b', 'c', 'd', 'e')
      await using rig = await Rig.open(pair, { backends: refusing, pool: { retries } })
      for (let n = 0; n < 10; n++) {
        const client = await rig.connect({ localAddress: clientAddress(n) })
        await client.over()
        expect(client.received.bytes).to.equal(0)
      }
      await rig.settle()
      expect(rig.counters).to.include({
        accepted: 10,
        refusedNoBackend: 10,
        connectRefused: 10 * (retries + 1),
        opened: 0,
      })
      expect(rig.balancer.pool().explain(clientAddress(0)).pin, 'no pin stays behind').to.equal(undefined)
    })
  }

  it('tries each backend only once, however many retries there are', async () => {
    await using rig = await Rig.open(pair, { backends: await dead('a', 'b'), pool: { retries: 16 } })
    await (await rig.connect()).over()
    await rig.settle()
    expect(rig.counters).to.include({ refusedNoBackend: 1, connectRefused: 2 })
  })

  it('gives a client its bytes although they came before the backend that takes them', async () => {
    await using live = await Backend.start({ name: 'live' })
    await using rig = await Rig.open(pair, { backends: [...(await dead('d1', 'd2', 'd3')), live] })
    for (let n = 0; n < 10; n++) {
      const client = await rig.connect({ localAddress: clientAddress(n) })
      client.socket.end('early')
      expect(await client.drain()).to.equal(client.received.sum)
      expect(client.received.bytes).to.equal(5)
    }
    await rig.settle()
    expect(rig.counters).to.include({ endFinished: 10, bytesToBackend: 50 })
  })
})

// Row 18.
forEachRelay('all backends down', pair => {
  it('closes clients at once, counts them, and recovers unaided', async () => {
    const ports = await Promise.all(['a', 'b', 'c'].map(() => freePort()))
    const start = (port: number, index: number): Promise<Backend> =>
      Backend.start({ name: 'abc'.charAt(index), port, serve: named })
    const first = await Promise.all(ports.map(start))
    await using rig = await Rig.open(pair, { backends: first })
    const homes = new Map<number, string>()
    const visit = async (n: number): Promise<string> => {
      const client = await rig.connect({ localAddress: clientAddress(n) })
      const name = await client.line()
      client.finish()
      await client.over()
      return name
    }
    for (let n = 0; n < CLIENTS; n++) homes.set(n, await visit(n))
    await until('the sessions to end', () => rig.stats.sessions === 0)
    await Promise.all(first.map(backend => backend.kill()))

    expect(await Promise.all(Array.from({ length: CLIENTS }, (_, n) => visit(n)))).to.deep.equal(
      new Array(CLIENTS).fill(''),
    )
    await rig.settle()
    expect(rig.counters).to.include({ refusedNoBackend: CLIENTS, connectRefused: 3 * CLIENTS, opened: CLIENTS })

    const second = await Promise.all(ports.map(start))
    try {
      for (let n = 0; n < CLIENTS; n++) expect(await visit(n), `client ${n}`).to.equal(homes.get(n))
      await rig.settle()
      expect(rig.counters.opened).to.equal(2 * CLIENTS)
    } finally {
      await Promise.all(second.map(backend => backend.kill()))
    }
  })

  it('closes clients at once when there is no backend at all', async () => {
    await using late = await Backend.start({ name: 'late', serve: named })
    await using rig = await Rig.open(pair, { backends: [] })
    expect(await (await rig.connect()).over()).to.equal('end')
    await rig.settle()
    expect(rig.counters).to.include({ accepted: 1, refusedNoBackend: 1 })
    rig.balancer.pool().add({ name: 'late', address: late.address })
    const client = await rig.connect()
    expect(await client.line()).to.equal('late')
    client.finish()
    await client.over()
    await rig.settle()
  })
})
