import { expect } from 'chai'
import { inNetnsOf, inNewNetns, requireNetns } from '../helpers/netns.ts'
import { ProcessRig } from '../helpers/process-rig.ts'
import { Children } from '../helpers/processes.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { countBy } from '../helpers/rig.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'

const FIRST = 40_000
const PORTS = 10
const LISTENER = 7000
const BACKENDS = [7101, 7102] as const
/** A namespace of the network with very few local ports; everything that listens does so outside of their range. */
const fewPorts = (): readonly string[] => inNewNetns({ 'ipv4/ip_local_port_range': `${FIRST} ${FIRST + PORTS - 1}` })

/** Where clients go: each to another address of the listener, so that their own ports never run out. */
const dials = (count: number, from = 0): { host: string; port: number }[] =>
  Array.from({ length: count }, (_, n) => ({
    host: `127.0.${1 + Math.floor((from + n) / 200)}.${1 + ((from + n) % 200)}`,
    port: LISTENER,
  }))

forEachRelayOnce('few local ports', pair => {
  before(function () {
    requireNetns(this)
  })

  // Row 25 of the fault matrix.
  it('send a session to another backend, blame nobody, and leave the pin', async () => {
    const backends = BACKENDS.map((port, index) => ({ name: 'ab'.charAt(index), address: `127.0.0.1:${port}` }))
    const listener = { bind: `0.0.0.0:${LISTENER}` }
    await using rig = await ProcessRig.open(pair, {
      backends,
      listener,
      prefix: fewPorts(),
      pool: { boundedLoad: 'off' },
    })
    await using children = await Children.start(['backends', 'clients'], inNetnsOf(rig.child.pid))
    const [servers, clients] = children.all
    await servers.call('start', ['a', 'b'], BACKENDS)

    // All come from one address, so all have one home.
    const [home = ''] = await clients.call<string[]>('visit', dials(1))
    const other = home === 'a' ? 'b' : 'a'
    const lines = await clients.call<string[]>('visit', dials(3 * PORTS - 1, 1))
    expect(countBy([home, ...lines])).to.deep.equal({ [home]: PORTS, [other]: PORTS, '': PORTS })
    const { counters, pools } = await rig.stats()
    // Each of those past the home's ports met one failure, each of those past both met two.
    expect(counters).to.include({ opened: 2 * PORTS, refusedNoBackend: PORTS, connectNoLocalPort: 3 * PORTS })
    expect(
      pools.p?.backends.map(({ connectFailures }) => connectFailures),
      'failures of backends',
    ).to.deep.equal([0, 0])

    await clients.call('close', 3 * PORTS)
    await until('the sessions to end', async () => (await rig.stats()).sessions === 0)
    // Ports may rest for a while; a connection to the home works again as soon as the system gives one out.
    // Each try to another address, or the client's own ports would run out.
    let tries = 100
    await until('the home', async () => (await clients.call<string[]>('visit', dials(1, tries++)))[0] === home)
    await clients.call('close', 1000)
    const end = await rig.settle()
    expect(end.connectRefused + end.connectTimeout + end.connectOther).to.equal(0)
  })

  it('take several addresses: the native relay has all ports of each for each backend', async () => {
    const sources = ['127.9.0.1', '127.9.0.2']
    const backends = BACKENDS.map((port, index) => ({ name: 'ab'.charAt(index), address: `127.0.0.1:${port}` }))
    await using rig = await ProcessRig.open(pair, {
      backends,
      listener: { bind: `0.0.0.0:${LISTENER}` },
      prefix: fewPorts(),
      pool: { boundedLoad: 'off', source: { bind: sources } },
    })
    await using children = await Children.start(['backends', 'clients'], inNetnsOf(rig.child.pid))
    const [servers, clients] = children.all
    await servers.call('start', ['a', 'b'], BACKENDS)

    // With ports of their own: those that Node binds are nobody else's, whatever their address.
    const from = dials(5 * PORTS).map((dial, n) => ({ ...dial, localAddress: '127.0.0.1', localPort: 20_000 + n }))
    const [home = ''] = await clients.call<string[]>('visit', from.slice(0, 1))
    const other = home === 'a' ? 'b' : 'a'
    const lines = await clients.call<string[]>('visit', from.slice(1))
    // Node binds a port before it knows where the connection goes, so that it has each port but once.
    const perBackend = { [home]: 2 * PORTS, [other]: pair.relay === 'native' ? 2 * PORTS : 0 }
    const served = Object.values(perBackend).reduce((sum, count) => sum + count)
    const refused = 5 * PORTS - served
    const wanted = Object.entries({ ...perBackend, '': refused }).filter(([, count]) => count > 0)
    expect(countBy([home, ...lines])).to.deep.equal(Object.fromEntries(wanted))
    const { counters, pools } = await rig.stats()
    expect(counters).to.include({ opened: served, refusedNoBackend: refused, connectOther: 0 })
    expect(
      pools.p?.backends.map(({ connectFailures }) => connectFailures),
      'failures of backends',
    ).to.deep.equal([0, 0])
    await clients.call('close', 5 * PORTS)
    await rig.settle()
  })

  // Row 26: a dead backend inside the range of local ports. Nearly all of the range is taken, so that TCP's simultaneous
  // open makes a socket meet itself at nearly every try, not once in thousands.
  it('never join a client to itself', async () => {
    const clients = rounds(100, 5000)
    const backends = ['a', 'b', 'c', 'd'].map(name => ({ name, address: `127.0.0.1:${FIRST}` }))
    const listener = { bind: `127.0.0.1:${LISTENER}` }
    await using rig = await ProcessRig.open(pair, { backends, listener, prefix: fewPorts(), pool: { retries: 3 } })
    await using children = await Children.start(['listener', 'clients'], inNetnsOf(rig.child.pid))
    const [squatters, crowd] = children.all
    for (let port = FIRST + 1; port < FIRST + PORTS; port++) await squatters.call('listen', { host: '127.0.0.1', port })
    for (let n = 0; n < clients; n += 100) {
      const from = Array.from({ length: Math.min(100, clients - n) }, (_, index) => ({
        host: '127.0.0.1',
        port: LISTENER,
        localAddress: `127.2.${Math.floor((n + index) / 200)}.${1 + ((n + index) % 200)}`,
        localPort: 20_000 + ((n + index) % 10_000),
      }))
      const lines = await crowd.call<string[]>('visit', from, 'is this my own echo?\n')
      expect(
        lines.filter(line => line !== ''),
        'lines that came back',
      ).to.deep.equal([])
      await crowd.call('close', 100)
    }
    const counters = await rig.settle()
    const { connectSelf, connectRefused, connectNoLocalPort, refusedNoBackend, endClientGone } = counters
    console.log(
      `      ${connectSelf} sockets met themselves, ${connectNoLocalPort} had no port, ${connectRefused} were refused`,
    )
    expect(refusedNoBackend + endClientGone).to.equal(clients)
    expect(counters).to.include({ opened: 0, bytesToClient: 0, accepted: clients })
    expect(connectSelf).to.be.greaterThan(0)
    expect(connectSelf + connectNoLocalPort + connectRefused).to.equal(4 * clients)
  })
})
