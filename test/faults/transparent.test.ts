import { expect } from 'chai'
import type { BalancerOptions, Stats } from '../../src/index.ts'
import { inNetnsOf, inNewNetns, requireNetns, runInNetnsOf } from '../helpers/netns.ts'
import { requireFeature, requirePeer } from '../helpers/peers.ts'
import { Child } from '../helpers/processes.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

const LISTENER = 7000
const BACKEND = 7100
const CLIENT_PORT = 20_000

/** Three hosts in a row: the client, the balancer, the server. Addresses of the links between them. */
const FAMILIES = {
  IPv4: { client: '10.91.0.2', near: '10.91.0.1', far: '10.92.0.1', server: '10.92.0.2', bits: 24, any: '0.0.0.0' },
  IPv6: { client: 'fd91::2', near: 'fd91::1', far: 'fd92::1', server: 'fd92::2', bits: 64, any: '::' },
} as const

type Family = keyof typeof FAMILIES
const FAMILY_NAMES: readonly Family[] = ['IPv4', 'IPv6']

/** How answers to the address of a client are kept by the balancer instead of being sent on; as docs/operating.md has it. */
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  'everything from the servers is taken': [
    'ip rule add iif to-server lookup 100',
    'ip route add local default dev lo table 100',
    'ip -6 rule add iif to-server lookup 100',
    'ip -6 route add local default dev lo table 100',
  ],
  'only what belongs to a connection is taken, by its mark': [
    'nft add table inet limpet',
    'nft "add chain inet limpet answers { type filter hook prerouting priority mangle; }"',
    'nft add rule inet limpet answers meta l4proto tcp socket transparent 1 meta mark set 1 accept',
    'ip rule add fwmark 1 lookup 100',
    'ip route add local default dev lo table 100',
    'ip -6 rule add fwmark 1 lookup 100',
    'ip -6 route add local default dev lo table 100',
  ],
}

function script(pid: number, lines: readonly string[]): void {
  runInNetnsOf(pid, ['sh', '-e'], lines.join('\n'))
}

/** A cable between two network namespaces. */
function link(left: number, leftName: string, right: number, rightName: string): void {
  const ends = [
    'name',
    leftName,
    'netns',
    String(left),
    'type',
    'veth',
    'peer',
    'name',
    rightName,
    'netns',
    String(right),
  ]
  runInNetnsOf(left, ['ip', 'link', 'add', ...ends])
}

/** Joins the three, with both families. */
function wire(client: number, balancer: number, server: number): void {
  link(client, 'uplink', balancer, 'to-client')
  link(server, 'uplink', balancer, 'to-server')
  const address = (family: Family, end: 'client' | 'near' | 'far' | 'server', device: string): string => {
    const { bits, ...ends } = FAMILIES[family]
    return `ip address add ${ends[end]}/${bits} dev ${device}${family === 'IPv6' ? ' nodad' : ''}`
  }
  script(balancer, [
    ...FAMILY_NAMES.flatMap(family => [address(family, 'near', 'to-client'), address(family, 'far', 'to-server')]),
    'ip link set to-client up',
    'ip link set to-server up',
  ])
  script(client, [...FAMILY_NAMES.map(family => address(family, 'client', 'uplink')), 'ip link set uplink up'])
  script(server, [
    ...FAMILY_NAMES.map(family => address(family, 'server', 'uplink')),
    'ip link set uplink up',
    // All answers go by the balancer: without that the client would get them from somebody whom it does not know.
    ...FAMILY_NAMES.map(family => `ip ${family === 'IPv6' ? '-6 ' : ''}route add default via ${FAMILIES[family].far}`),
  ])
}

/** A listener and a pool for each family and each way, and where clients find them. */
function services(): {
  options: BalancerOptions
  visits: { family: Family; transparent: 'on' | 'port'; port: number }[]
} {
  const visits = FAMILY_NAMES.flatMap((family, row) =>
    (['on', 'port'] as const).map((transparent, column) => ({
      family,
      transparent,
      port: LISTENER + 2 * row + column,
    })),
  )
  const nameOf = ({ family, transparent }: { family: string; transparent: string }): string =>
    `${family}-${transparent}`
  const options: BalancerOptions = {
    listeners: visits.map(visit => ({
      name: nameOf(visit),
      bind: place(FAMILIES[visit.family].any, visit.port),
      pool: nameOf(visit),
      acceptor: 'native',
    })),
    pools: Object.fromEntries(
      visits.map(visit => {
        const address = place(FAMILIES[visit.family].server, BACKEND)
        const { transparent } = visit
        return [nameOf(visit), { source: { transparent }, stickTable: 'off', backends: [{ name: 'a', address }] }]
      }),
    ),
    log: { level: 'error' },
  }
  return { options, visits }
}

function place(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

describe('source.transparent', function () {
  this.timeout(TEST_MS)

  before(function () {
    requireNetns(this)
    requirePeer(this, 'nft')
  })

  for (const [how, commands] of Object.entries(ROUTES)) {
    it(`shows the backend the client's own address: ${how}`, async function () {
      await using client = await Child.start('clients', inNewNetns({}))
      await using server = await Child.start('backends', inNewNetns({}))
      await using balancer = await Child.start('limpet', inNewNetns({}))
      wire(client.pid, balancer.pid, server.pid)
      try {
        script(balancer.pid, commands)
      } catch (error) {
        requireFeature(this, `this kernel lacks what the rules need: ${String(error)}`)
      }
      for (const family of FAMILY_NAMES) await server.call('tell', FAMILIES[family].server, BACKEND)
      const { options, visits } = services()
      await balancer.call('open', options)

      for (const [n, { family, transparent, port }] of visits.entries()) {
        const { near, client: own } = FAMILIES[family]
        const localPort = CLIENT_PORT + n
        const [line = ''] = await client.call<string[]>('visit', [{ host: near, port, localPort }])
        const [address, seenPort] = line.split(' ')
        expect(address, `${family}, ${transparent}`).to.equal(own)
        if (transparent === 'port') expect(seenPort).to.equal(String(localPort))
        else expect(seenPort).to.not.equal(String(localPort))
      }
      expect(await client.call('echo', 'hello'), 'answers that came back').to.equal(visits.length)
      await client.call('close', visits.length)
      await until('the sessions to end', async () => (await balancer.call<Stats>('stats')).sessions === 0)
      const { counters } = await balancer.call<Stats>('stats')
      expect(counters).to.include({ accepted: visits.length, endFinished: visits.length })
    })
  }

  it('closes a client from whose address nothing can be sent, and serves the next one', async function () {
    await using client = await Child.start('clients', inNewNetns({}))
    await using server = await Child.start('backends', inNewNetns({}))
    await using balancer = await Child.start('limpet', inNewNetns({}))
    // Somebody on the balancer's own host: nothing goes to another one from 127.0.0.1.
    await using local = await Child.start('clients', inNetnsOf(balancer.pid))
    wire(client.pid, balancer.pid, server.pid)
    try {
      script(balancer.pid, ROUTES['everything from the servers is taken'] ?? [])
    } catch (error) {
      requireFeature(this, `this kernel lacks what the rules need: ${String(error)}`)
    }
    await server.call('tell', FAMILIES.IPv4.server, BACKEND)
    await balancer.call('open', services().options)

    const port = LISTENER
    const lost = await local
      .call<string[]>('visit', [{ host: '127.0.0.1', port, localPort: CLIENT_PORT }])
      .catch(String)
    expect(lost).to.not.match(/127/)
    const [line = ''] = await client.call<string[]>('visit', [
      { host: FAMILIES.IPv4.near, port, localPort: CLIENT_PORT },
    ])
    expect(line).to.match(/^10\.91\.0\.2 /)
    const { counters } = await balancer.call<Stats>('stats')
    expect(counters).to.include({ connectOther: 1, refusedNoBackend: 1, opened: 1 })
  })

  it('is refused at start without the privilege', async () => {
    await using balancer = await Child.start('limpet', ['setpriv', '--bounding-set', '-net_admin,-net_raw'])
    const error = await balancer.call('open', services().options).catch(String)
    expect(error).to.match(/cannot connect from the addresses of clients.*CAP_NET_ADMIN/)
  })
})
