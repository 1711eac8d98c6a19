import { expect } from 'chai'
import { addresses, DnsServer } from '../helpers/dns-server.ts'
import { until } from '../helpers/wait.ts'
import { afterTest, cleanUp } from '../lifecycle/helpers.ts'
import { openAdmin } from './helpers.ts'

const P = '/v1/pools/p'

describe('admin API: backends that are found', () => {
  afterEach(cleanUp)

  it('are told with their source, cannot be added or removed, and make it degraded when they are of before', async () => {
    const dns = await DnsServer.start()
    afterTest(() => dns[Symbol.asyncDispose]())
    dns.set('a.test', 'A', 'SERVFAIL')
    const refresh = { min: '100ms', max: '100ms' }
    const backends = { dns: 'a.test', port: 80, resolvers: [dns.address], refresh, startTimeout: '150ms' }
    const { balancer, client } = await openAdmin({ pool: { backends } })
    const ready = async (): Promise<string> => {
      const { status, text } = await client.ask('GET', '/readyz')
      return `${status} ${text.trim()}`
    }
    expect(await ready()).to.match(
      /^503 no backend of the pool p may serve \(dns A a\.test: .* SERVFAIL for a\.test\)$/,
    )
    dns.set('a.test', 'A', addresses('a.test', ['192.0.2.1']))
    await until('to be ready', async () => (await ready()) === '200 ok', ready)
    dns.set('a.test', 'A', 'NXDOMAIN')
    await until('to be degraded', async () => (await ready()) !== '200 ok')
    expect(await ready()).to.match(
      /^200 degraded: the backends of the pool p are those that were found before \(dns A a\.test: there is no name/,
    )
    const { stats } = (await client.json('GET', '/v1/status')) as { stats: ReturnType<typeof balancer.stats> }
    expect(stats.pools.p?.discovery).to.include({ source: 'dns A a.test', found: 1, isFresh: false })
    const add = { body: { name: 'x', address: '192.0.2.9:80' } }
    expect(await client.refusal('POST', `${P}/backends`, add)).to.deep.equal([409, 'LIMPET_ERR_DISCOVERED'])
    expect(await client.refusal('DELETE', `${P}/backends/192.0.2.1`)).to.deep.equal([409, 'LIMPET_ERR_DISCOVERED'])
    const drain = { body: { state: 'drain' } }
    expect(await client.json('PATCH', `${P}/backends/192.0.2.1`, drain)).to.include({ state: 'drain' })
    const { pools } = (await client.json('GET', '/v1/config')) as ReturnType<typeof balancer.settings>
    expect(pools.p?.backends).to.include({ dns: 'a.test', port: 80 })
    const { text } = await client.ask('GET', '/metrics')
    expect(text).to.match(/^limpet_discovery_fresh\{pool="p"\} 0$/m)
    expect(text).to.match(/^limpet_discovery_failed_total\{pool="p",cause="negative"\} [1-9]/m)
  })
})
