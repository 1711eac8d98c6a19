import { expect } from 'chai'
import { Balancer, type DiscoveryOptions, type DiscoveryStatus } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { Dnsmasq } from '../helpers/dnsmasq.ts'
import { requirePeer } from '../helpers/peers.ts'
import { until } from '../helpers/wait.ts'

const OFTEN = { refresh: { min: '100ms', max: '200ms' }, startTimeout: '60s' } as const
const POD = 'redis.prod.test'

describe('discovery by a real DNS server', function () {
  this.timeout(180_000)
  let file: string
  before(function () {
    file = requirePeer(this, 'dnsmasq')
  })

  async function listening(backends: DiscoveryOptions): Promise<Balancer> {
    const balancer = new Balancer({ pools: { p: { secret: 'a secret of tests', backends } }, log: { level: 'silent' } })
    await balancer.listen()
    return balancer
  }

  const told = (balancer: Balancer): string[] =>
    balancer
      .pool()
      .backends()
      .map(({ name, address, backup }) => `${name} ${address}${backup ? ' backup' : ''}`)
  const state = (balancer: Balancer): DiscoveryStatus => balancer.stats().pools.p?.discovery as DiscoveryStatus

  async function becomes(balancer: Balancer, backends: readonly string[]): Promise<void> {
    const wanted = backends.join()
    await until(
      `backends ${wanted}`,
      () => told(balancer).join() === wanted,
      () => [told(balancer), state(balancer)],
    )
  }

  it('follows addresses, keeps them while it is frozen or dead, and those of an answer too long for a datagram', async () => {
    await using directory = await Directory.make()
    await using dns = await Dnsmasq.start(file, directory)
    const hosts = (numbers: readonly number[]): string[] => numbers.map(n => `192.0.2.${n} web.test`)
    await dns.hosts(hosts([1, 2]))
    await using balancer = await listening({
      dns: 'web.test',
      port: 80,
      resolvers: [dns.address],
      timeout: '500ms',
      ...OFTEN,
    })
    await becomes(balancer, ['192.0.2.1 192.0.2.1:80', '192.0.2.2 192.0.2.2:80'])
    await dns.hosts(hosts([2, 3]))
    await becomes(balancer, ['192.0.2.2 192.0.2.2:80', '192.0.2.3 192.0.2.3:80'])
    dns.freeze(true)
    await until('a timeout', () => state(balancer).failed.timeout > 0)
    expect(told(balancer)).to.have.length(2)
    dns.freeze(false)
    // 200 addresses have 3.2 kB.
    await dns.hosts(hosts(Array.from({ length: 200 }, (_, n) => n + 1)))
    await until(
      '200 backends',
      () => told(balancer).length === 200,
      () => state(balancer),
    )
    await dns.hosts([])
    await until(
      'no such name',
      () => state(balancer).failed.negative > 0,
      () => state(balancer),
    )
    expect(told(balancer)).to.have.length(200)
    await dns.kill()
    await until(
      'nobody there',
      () => state(balancer).failed.server > 0,
      () => state(balancer),
    )
    expect(told(balancer)).to.have.length(200)
  })

  it('follows pods by their names, with the priorities of SRV records, and IPv6', async () => {
    await using directory = await Directory.make()
    const service = `_redis._tcp.${POD}`
    await using dns = await Dnsmasq.start(file, directory, [
      `srv-host=${service},pod-1.${POD},6379,0,50`,
      `srv-host=${service},pod-0.${POD},6379,0,50`,
      `srv-host=${service},spare.${POD},6380,10,50`,
    ])
    await dns.hosts([`192.0.2.10 pod-0.${POD}`, `192.0.2.11 pod-1.${POD}`, `2001:db8::9 spare.${POD}`])
    await using balancer = await listening({ dns: service, type: 'SRV', resolvers: [dns.address], ...OFTEN })
    const spare = `spare.${POD}:6380 [2001:db8::9]:6380 backup`
    await becomes(balancer, [`pod-0.${POD}:6379 192.0.2.10:6379`, `pod-1.${POD}:6379 192.0.2.11:6379`, spare])
    const { digest } = balancer.pool()
    await dns.hosts([`192.0.2.77 pod-0.${POD}`, `192.0.2.11 pod-1.${POD}`, `2001:db8::9 spare.${POD}`])
    await becomes(balancer, [`pod-0.${POD}:6379 192.0.2.77:6379`, `pod-1.${POD}:6379 192.0.2.11:6379`, spare])
    expect(balancer.pool().digest).to.equal(digest)
  })
})
