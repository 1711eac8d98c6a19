import { networkInterfaces } from 'node:os'
import { expect } from 'chai'
import { Directory } from '../helpers/directory.ts'
import { patternSum } from '../helpers/hash.ts'
import { requireFeature } from '../helpers/peers.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, echo, named } from '../helpers/servers.ts'

const BYTES = 1024 * 1024
const hasIPv6 = Object.values(networkInterfaces()).some(entries => entries?.some(({ address }) => address === '::1'))

async function expectEcho(rig: Rig, from = {}): Promise<void> {
  const client = await rig.connect(from)
  const [back] = await Promise.all([client.drain(), client.sendPattern(1, BYTES).then(() => client.finish())])
  expect(back).to.equal(patternSum(1, BYTES))
}

forEachRelay('kinds of addresses', pair => {
  it('serves clients of a unix socket, who have no key', async () => {
    await using directory = await Directory.make()
    await using backend = await Backend.start({ serve: echo })
    const bind = `unix:${directory.file('listen')}`
    await using rig = await Rig.open(pair, { backends: [backend], listener: { bind } })
    await expectEcho(rig)
    await rig.settle()
    expect(rig.closes[0]).to.deep.include({ reason: 'nokey', clientAddress: undefined, relay: pair.relay })
    expect(rig.stats.pools[rig.pool]?.table.entries).to.equal(0)
  })

  it('spreads clients of a unix socket over the backends by their weight', async () => {
    await using directory = await Directory.make()
    await using a = await Backend.start({ name: 'a', serve: named })
    await using b = await Backend.start({ name: 'b', serve: named })
    const backends = [
      { name: 'a', address: a.address, weight: 1 },
      { name: 'b', address: b.address, weight: 3 },
    ]
    const bind = `unix:${directory.file('listen')}`
    await using rig = await Rig.open(pair, { backends, listener: { bind } })
    for (let n = 0; n < 20; n++) await (await rig.connect()).line()
    expect(rig.loads).to.deep.equal({ a: 5, b: 15 })
    rig.hangUp()
    await rig.settle()
  })

  it('reaches a backend on a unix socket', async () => {
    await using directory = await Directory.make()
    await using backend = await Backend.start({ path: directory.file('backend'), serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend] })
    await expectEcho(rig)
    await rig.settle()
    expect(rig.closes[0]).to.include({ reason: 'home', clientAddress: '127.0.0.1', relay: pair.relay })
  })

  it('goes on to the next backend from a unix socket that is not there', async () => {
    await using backend = await Backend.start({ name: 'live', serve: named })
    const gone = { name: 'gone', address: 'unix:/nonexistent/limpet-test' }
    await using rig = await Rig.open(pair, { backends: [gone, backend], pool: { boundedLoad: 'off' } })
    for (let n = 0; n < 20; n++) {
      const client = await rig.connect({ localAddress: `127.0.3.${n + 1}` })
      expect(await client.line()).to.equal('live')
    }
    expect(rig.counters.connectRefused).to.be.greaterThan(0)
    rig.hangUp()
    await rig.settle()
  })

  it('serves IPv6 clients and reaches IPv6 backends', async function () {
    if (!hasIPv6) requireFeature(this, 'this host has no IPv6 on its loopback interface')
    await using backend = await Backend.start({ host: '::1', serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend], listener: { bind: '[::1]:0' } })
    await expectEcho(rig)
    await rig.settle()
    expect(rig.closes[0]).to.include({ clientAddress: '::1', relay: pair.relay })
    expect(rig.balancer.pool().explain('::1').pin?.backend).to.equal('a')
  })

  it('gives a client one home, whether it comes as IPv4 or as IPv4-mapped IPv6', async function () {
    if (!hasIPv6) requireFeature(this, 'this host has no IPv6 on its loopback interface')
    await using a = await Backend.start({ name: 'a', serve: named })
    await using b = await Backend.start({ name: 'b', serve: named })
    await using c = await Backend.start({ name: 'c', serve: named })
    // Dual stack: the kernel shows IPv4 clients as ::ffff:127.x.y.z.
    await using dual = await Rig.open(pair, { backends: [a, b, c], listener: { bind: ':0' } })
    const pool = dual.balancer.pool()
    for (let n = 1; n <= 20; n++) {
      const localAddress = `127.0.4.${n}`
      const client = await dual.connect({ host: '127.0.0.1', localAddress })
      const name = await client.line()
      for (const address of [localAddress, `::ffff:${localAddress}`]) {
        const { key, order, pin } = pool.explain(address)
        expect({ key, order, pin: pin?.backend }).to.deep.equal({
          key: `${localAddress}/32`,
          order: pool.explain(localAddress).order,
          pin: name,
        })
      }
      client.finish()
      await client.over()
    }
    await dual.settle()
    const told = dual.closes.map(({ clientAddress }) => clientAddress)
    expect(told).to.have.members(Array.from({ length: 20 }, (_, index) => `127.0.4.${index + 1}`))
  })

  it('serves a listener on every IPv4 address', async () => {
    await using backend = await Backend.start({ serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend], listener: { bind: '0.0.0.0:0' } })
    await expectEcho(rig, { host: '127.8.8.8', localAddress: '127.7.7.7' })
    await rig.settle()
    expect(rig.closes[0]?.clientAddress).to.equal('127.7.7.7')
  })
})
