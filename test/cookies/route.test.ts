import { expect } from 'chai'
import type { CookieOptions } from '../../src/index.ts'
import { Rig } from '../helpers/rig.ts'
import { TEST_MS } from '../helpers/wait.ts'
import { AUTO, answerOf, everything, HttpBackend } from './servers.ts'

const NAMES = ['node1', 'node2', 'node3']

describe("a cookie with the backend's name in it (affinity.cookie, route)", function () {
  this.timeout(TEST_MS)
  let backends: HttpBackend[]

  beforeEach(async () => {
    backends = await Promise.all(NAMES.map(name => HttpBackend.start(name)))
  })
  afterEach(async () => {
    for (const backend of backends) await backend[Symbol.asyncDispose]()
  })

  const open = async (cookie: Partial<CookieOptions> = {}): Promise<Rig> =>
    await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      pool: { affinity: { cookie: { mode: 'route', name: 'JSESSIONID', ...cookie } } },
    })

  async function ask(rig: Rig, value: string): Promise<string> {
    const client = await rig.connect()
    await client.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: JSESSIONID=${value}\r\nConnection: close\r\n\r\n`)
    const { body, cookies } = answerOf(await everything(client))
    expect(cookies).to.deep.equal([])
    return body
  }

  it('leads to the one whose name is behind the separator, as of Tomcat', async () => {
    await using rig = await open()
    const home = rig.balancer.pool().explain('127.0.0.1').home
    for (const name of NAMES) expect(await ask(rig, `7F3A.${name}`)).to.equal(name)
    for (const value of ['7F3A', '7F3A.node4', 'node1.7F3A']) expect(await ask(rig, value)).to.equal(home)
    expect(rig.stats.pools[rig.pool]?.decisions.cookie).to.equal(3)
  })

  it('leads to the one whose name is before it, which the application never sees, as of HAProxy', async () => {
    for (const { server } of backends) {
      server.removeAllListeners('request').on('request', ({ url, headers }, response) => {
        if (url === '/login') response.setHeader('Set-Cookie', ['a=1', 'JSESSIONID=7F3A; Path=/'])
        response.end(headers.cookie)
      })
    }
    await using rig = await open({ position: 'prefix' })
    const client = await rig.connect()
    const asking = ['/', '/login'].map(path => `GET ${path} HTTP/1.1\r\nHost: x\r\nCookie: JSESSIONID=node2~7; b=2\r\n`)
    await client.send(`${asking[0]}\r\n${asking[1]}Connection: close\r\n\r\n`)
    const [first, second] = (await everything(client)).toString().split('HTTP/1.1 200 OK').slice(1)
    expect(first).to.match(/\r\n\r\nJSESSIONID=7; b=2$/)
    expect(second).to.include('\r\nSet-Cookie: a=1\r\nSet-Cookie: JSESSIONID=node2~7F3A; Path=/\r\n')
    expect(second).to.match(/\r\n\r\nJSESSIONID=7; b=2$/)
    expect(rig.stats.pools[rig.pool]?.decisions.cookie).to.equal(1)
    expect(rig.counters.cookiesUnread).to.equal(0)
    client.finish()
    await rig.settle()
  })

  it('leads elsewhere while that one is gone', async () => {
    await using rig = await open({ separator: '!' })
    await backends[0]?.[Symbol.asyncDispose]()
    expect(await ask(rig, '7F3A!node1')).to.be.oneOf(['node2', 'node3'])
    expect(rig.counters.connectRefused).to.equal(1)
  })
})
