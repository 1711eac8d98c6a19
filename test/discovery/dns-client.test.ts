import { expect } from 'chai'
import { readDnsServer } from '../../src/config/discovery.ts'
import { DnsClient } from '../../src/discovery/dns-client.ts'
import { DiscoveryFailure } from '../../src/discovery/failure.ts'
import { addresses, type DnsBehaviour, DnsServer } from '../helpers/dns-server.ts'
import { within } from '../helpers/wait.ts'

const GOOD = addresses('a.test', ['192.0.2.1', '192.0.2.2'], 30)
const EVIL = addresses('a.test', ['192.0.2.66'])
const NEVER = new AbortController().signal

describe('a DNS client', () => {
  let server: DnsServer
  beforeEach(async () => {
    server = await DnsServer.start()
  })
  afterEach(() => server[Symbol.asyncDispose]())

  function clientOf(servers: readonly { address: string }[], timeoutMs = 20_000): DnsClient {
    const read = servers.map(({ address }) => readDnsServer(address))
    return new DnsClient({ servers: read.flatMap(one => ('value' in one ? [one.value] : [])), timeoutMs })
  }

  async function hosts(behaviour: DnsBehaviour, timeoutMs?: number): Promise<string[]> {
    server.set('a.test', 'A', behaviour)
    const { records } = await clientOf([server], timeoutMs).records('a.test', 'A', NEVER)
    return records.map(({ data }) => data)
  }

  async function failure(behaviour: DnsBehaviour, timeoutMs?: number): Promise<string> {
    try {
      return (await hosts(behaviour, timeoutMs)).join()
    } catch (error) {
      expect(error).to.be.instanceOf(DiscoveryFailure)
      const { kind, message } = error as DiscoveryFailure
      return `${kind}: ${message}`
    }
  }

  it('asks by UDP, and knows how long the answer holds', async () => {
    server.set('a.test', 'A', GOOD)
    const { records, ttlMs } = await clientOf([server]).records('a.test', 'A', NEVER)
    expect(records.map(({ data }) => data)).to.deep.equal(['192.0.2.1', '192.0.2.2'])
    expect(ttlMs).to.equal(30_000)
    expect(server.asked).to.deep.equal(['a.test A udp'])
  })

  it('asks by TCP where there is more', async () => {
    expect(await hosts({ truncated: GOOD })).to.have.length(2)
    expect(server.asked).to.deep.equal(['a.test A udp', 'a.test A tcp'])
    // 1,000 records are more than any datagram.
    const many = addresses(
      'a.test',
      Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`),
    )
    expect(await hosts({ truncated: many })).to.have.length(1000)
  })

  it('passes over what is no answer to its question', async () => {
    expect(await hosts({ forged: EVIL, good: GOOD })).to.deep.equal(['192.0.2.1', '192.0.2.2'])
    expect(await failure({ forged: EVIL, good: 'silent' }, 300)).to.match(/^timeout: /)
  })

  it('takes of an answer only what belongs to the name', async () => {
    const alias = { type: 'CNAME', name: 'a.test', ttl: 5, class: 'IN', data: 'B.test' } as const
    const beside = addresses('c.test', ['192.0.2.66'])
    server.set('a.test', 'A', [...beside, alias, ...addresses('b.test', ['192.0.2.7'], 60)])
    const { records, ttlMs } = await clientOf([server]).records('a.test', 'A', NEVER)
    expect(records.map(({ data }) => data)).to.deep.equal(['192.0.2.7'])
    expect(ttlMs).to.equal(5000)
    expect(await failure(beside)).to.match(/^negative: a\.test has no A record/)
    const loop = { ...alias, data: 'a.test' }
    expect(await failure([loop])).to.match(/^negative: /)
  })

  it('tells what went wrong', async () => {
    expect(await failure('NXDOMAIN')).to.match(/^negative: there is no name a\.test, says 127\.0\.0\.1:\d+$/)
    expect(await failure('empty')).to.match(/^negative: a\.test has no A record/)
    expect(await failure('SERVFAIL')).to.match(/^server: .* answers SERVFAIL for a\.test$/)
    expect(await failure('REFUSED')).to.match(/^server: .* answers REFUSED/)
    expect(await failure({ cut: GOOD })).to.match(/^malformed: /)
    expect(await failure({ truncated: { cut: GOOD } })).to.match(/^malformed: /)
    expect(await failure('silent', 200)).to.match(/^timeout: 127\.0\.0\.1:\d+ did not answer within 200 ms$/)
    expect(await failure({ truncated: 'silent' }, 300)).to.match(/^timeout: /)
  })

  it('asks the next server where one does not know, each twice at most', async () => {
    await using other = await DnsServer.start()
    server.set('a.test', 'A', 'SERVFAIL')
    other.set('a.test', 'A', GOOD)
    const { records } = await clientOf([server, other]).records('a.test', 'A', NEVER)
    expect(records).to.have.length(2)
    expect([server.asked.length, other.asked.length]).to.deep.equal([1, 1])
    other.set('a.test', 'A', 'SERVFAIL')
    const ended = await clientOf([server, other])
      .records('a.test', 'A', NEVER)
      .catch((error: unknown) => error)
    expect((ended as DiscoveryFailure).kind).to.equal('server')
    expect([server.asked.length, other.asked.length]).to.deep.equal([3, 3])
  })

  it('believes the first server that says no', async () => {
    await using other = await DnsServer.start()
    other.set('a.test', 'A', GOOD)
    const ended = await clientOf([server, other])
      .records('a.test', 'A', NEVER)
      .catch((error: unknown) => error)
    expect((ended as DiscoveryFailure).kind).to.equal('negative')
    expect(other.asked).to.deep.equal([])
  })

  it('tells that nobody is there', async () => {
    const gone = await DnsServer.start()
    await gone[Symbol.asyncDispose]()
    const ended = await clientOf([gone])
      .records('a.test', 'A', NEVER)
      .catch((error: unknown) => error)
    expect((ended as DiscoveryFailure).kind).to.equal('server')
  })

  it('stops when it is told to', async () => {
    server.set('a.test', 'A', 'silent')
    const stop = new AbortController()
    const asked = clientOf([server]).records('a.test', 'A', stop.signal)
    stop.abort()
    const ended = await within(
      'the end',
      asked.catch((error: unknown) => error),
    )
    expect((ended as Error).name).to.equal('AbortError')
  })
})
