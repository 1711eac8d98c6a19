import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { expect } from 'chai'
import type { AffinityOptions } from '../../src/index.ts'
import { Certificates } from '../helpers/certificates.ts'
import { Rig } from '../helpers/rig.ts'
import { TEST_MS } from '../helpers/wait.ts'
import { AUTO, cookieFor, HttpBackend, NAMES, SECRET } from './servers.ts'

describe('cookies where TLS ends at the listener', function () {
  this.timeout(TEST_MS)
  let made: Certificates
  const cleanUps: (() => unknown)[] = []

  before(async function () {
    made = await Certificates.make(this)
    await made.add('site', { names: ['site.test'] })
  })
  after(async () => await made?.[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  async function open(affinity: AffinityOptions, serve?: Parameters<typeof HttpBackend.start>[1]): Promise<Rig> {
    const backends = await Promise.all(NAMES.map(name => HttpBackend.start(name, serve)))
    cleanUps.push(...backends.map(backend => () => backend[Symbol.asyncDispose]()))
    const rig = await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      pool: { secret: SECRET, boundedLoad: 'off', affinity },
      listener: { tls: { certificates: [made.pair('site')], alpn: ['http/1.1'] } },
    })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    return rig
  }

  /** Asks on a connection of its own, from an address. */
  async function ask(rig: Rig, from: number, cookie?: string): Promise<{ body: string; cookies: string[] }> {
    const asking = request({
      host: '127.0.0.1',
      port: rig.dial.port,
      localAddress: `127.0.0.${from}`,
      servername: 'site.test',
      ca: await made.pem('site'),
      headers: cookie === undefined ? {} : { cookie },
      agent: false,
    }).end()
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    return { body: (await response.toArray()).join(''), cookies: response.headers['set-cookie'] ?? [] }
  }

  it('are set, for TLS alone, and lead back from anywhere', async () => {
    const rig = await open({ cookie: { mode: 'insert', secure: true } })
    const { body: home, cookies } = await ask(rig, 1)
    expect(cookies).to.deep.equal([`${cookieFor(home)}; Path=/; SameSite=Lax; Secure; HttpOnly`])
    for (let from = 2; from < 10; from++) {
      const { body, cookies: again } = await ask(rig, from, cookieFor(home))
      expect([body, again]).to.deep.equal([home, []])
    }
    for (const name of NAMES) expect((await ask(rig, 1, cookieFor(name))).body).to.equal(name)
    expect(rig.counters).to.include({ cookiesSet: 1, keyFound: 11, keyMissing: 1 })
  })

  it('go before a key of the handshake, which decides for those without one', async () => {
    const rig = await open({ key: 'tls.sni', cookie: { mode: 'insert' } })
    const { body: home } = await ask(rig, 1)
    for (let from = 2; from < 6; from++) expect((await ask(rig, from)).body).to.equal(home)
    expect(rig.balancer.pool().explain(Buffer.from('site.test')).pin?.backend).to.equal(home)
    for (const name of NAMES) expect((await ask(rig, 1, cookieFor(name))).body).to.equal(name)
    expect(rig.counters).to.include({ keyFound: 8, keyMissing: 0 })
  })

  it('are learnt, and have their prefix written and read', async () => {
    const seen: (string | undefined)[] = []
    const serve: Parameters<typeof HttpBackend.start>[1] = ({ headers }, response, name) => {
      seen.push(headers.cookie)
      response.setHeader('Set-Cookie', `app=${name}1`).end(name)
    }
    const learning = await open({ cookie: { mode: 'learn', name: 'app' } }, serve)
    const { body: home } = await ask(learning, 1)
    for (let from = 2; from < 6; from++) expect((await ask(learning, from, `app=${home}1`)).body).to.equal(home)
    const routing = await open({ cookie: { mode: 'route', name: 'app', position: 'prefix' } }, serve)
    const { body: first, cookies } = await ask(routing, 1)
    expect(cookies).to.have.length(1)
    const [pair = ''] = cookies[0]?.split(';') ?? []
    expect(pair).to.match(new RegExp(`^app=${first}.${first}1$`))
    for (let from = 2; from < 6; from++) expect((await ask(routing, from, pair)).body).to.equal(first)
    expect(seen.at(-1)).to.equal(`app=${first}1`)
  })
})
