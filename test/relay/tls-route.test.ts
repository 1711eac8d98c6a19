import { expect } from 'chai'
import { Balancer, type RouteOptions } from '../../src/index.ts'
import { Certificates } from '../helpers/certificates.ts'
import { toDial } from '../helpers/net.ts'
import { type Backends, echo, startBackends } from '../helpers/servers.ts'
import { TlsClient } from '../helpers/tls-client.ts'
import { TEST_MS } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'rest']
const ROUTE: RouteOptions[] = [{ sni: '*.wild.test', pool: 'a' }, { alpn: 'mqtt', pool: 'b' }, { pool: 'rest' }]

describe('routes of a listener at which TLS ends', function () {
  this.timeout(TEST_MS)
  let made: Certificates
  let backends: Backends

  before(async function () {
    made = await Certificates.make(this)
    await made.add('any', { names: ['any.test'] })
  })
  beforeEach(async () => {
    backends = await startBackends(NAMES, echo)
  })
  afterEach(async () => {
    await backends[Symbol.asyncDispose]()
  })
  after(async () => {
    await made?.[Symbol.asyncDispose]()
  })

  it('go by the name that was asked for and the protocol that was agreed on, before a byte is in TLS', async () => {
    const tls = { certificates: [made.pair('any')], alpn: ['http/1.1', 'mqtt'] }
    const balancer = new Balancer({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', route: ROUTE, tls, peek: { timeout: '60s' } }],
      pools: Object.fromEntries(backends.all.map(({ name, address }) => [name, { backends: [{ name, address }] }])),
      log: { level: 'silent' },
    })
    try {
      await balancer.listen()
      const dial = toDial(balancer.address())
      // Of a session of TLS 1.2 that is resumed, Node.js does not know what was asked for.
      const begun = await TlsClient.open(dial, { servername: 'x.wild.test', maxVersion: 'TLSv1.2' })
      expect(await begun.echo('hello')).to.equal('hello')
      const resumed = { session: begun.tls.getSession(), maxVersion: 'TLSv1.2' } as const
      begun.destroy()
      for (const [place, options] of [
        [0, { servername: 'x.wild.test', ALPNProtocols: ['mqtt'] }],
        [1, { servername: 'wild.test', ALPNProtocols: ['mqtt'] }],
        [2, { servername: 'any.test', ALPNProtocols: ['mqtt', 'http/1.1'] }],
        [2, {}],
        [0, { ...resumed, servername: 'x.wild.test' }],
        [2, { ...resumed, servername: 'any.test' }],
      ] as const) {
        const before = backends.all.map(({ accepted }) => accepted)
        const client = await TlsClient.open(dial, { ...options, rejectUnauthorized: false })
        await client.send('hello')
        expect(String(await client.read(5))).to.equal('hello')
        const served = backends.all.map(({ accepted }, at) => accepted - (before[at] ?? 0))
        expect(client.tls.isSessionReused()).to.equal('session' in options)
        expect(served.indexOf(1), JSON.stringify(options)).to.equal(place)
        client.destroy()
      }
      expect(balancer.stats().counters).to.include({ opened: 7, refusedNoRoute: 0 })
    } finally {
      await balancer.destroy()
    }
  })

  it('are asked with what was in TLS, where a function chooses', async () => {
    const byText: RouteOptions = { function: head => (String(head).startsWith('b') ? 'b' : undefined) }
    const balancer = new Balancer({
      listeners: [
        {
          name: 'l',
          bind: '127.0.0.1:0',
          route: [byText, ...ROUTE],
          tls: { certificates: [made.pair('any')] },
          peek: { timeout: '60s' },
        },
      ],
      pools: Object.fromEntries(backends.all.map(({ name, address }) => [name, { backends: [{ name, address }] }])),
      log: { level: 'silent' },
    })
    try {
      await balancer.listen()
      for (const text of ['bytes', 'hello']) {
        const client = await TlsClient.open(toDial(balancer.address()), {
          servername: 'x.wild.test',
          rejectUnauthorized: false,
        })
        await client.send(text)
        expect(String(await client.read(5))).to.equal(text)
        client.destroy()
      }
      expect(backends.all.map(({ accepted }) => accepted)).to.deep.equal([1, 1, 0])
    } finally {
      await balancer.destroy()
    }
  })
})
