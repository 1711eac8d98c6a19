import { expect } from 'chai'
import { LIMITS } from '../../src/admin/limits.ts'
import { ROUTES } from '../../src/admin/routes/index.ts'
import { BURST, INTERVAL_MS } from '../../src/admin/wrong-tokens.ts'
import { unlessHeldUp, until } from '../helpers/wait.ts'
import { cleanUp, firstData } from '../lifecycle/helpers.ts'
import { AdminClient, dialOf, openAdmin, openAdminOnTcp, TOKEN } from './helpers.ts'

const FORBIDDEN = [403, 'LIMPET_ERR_ADMIN_FORBIDDEN']
const NEW = { name: 'c', address: '127.0.0.1:11' }
const BACKENDS = '/v1/pools/p/backends'
/** A request of every method that is taken. */
const ALL = ROUTES.map(({ method, path }) => ({
  method: method.toUpperCase(),
  path: path.replace(':pool', 'p').replace(':backend', 'a'),
}))

describe('admin API: security', () => {
  afterEach(cleanUp)

  it('answers for its own address and localhost only, whatever is asked', async () => {
    const { balancer, client } = await openAdminOnTcp({ admin: { hosts: ['limpet.example', '[2001:db8::1]:99'] } })
    const { port } = dialOf(balancer) as { port: number }
    const status = async (host: string | string[]): Promise<number> =>
      (await client.ask('GET', '/livez', { headers: { host } })).status
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `LocalHost:${port}`])
      expect(await status(host), host).to.equal(200)
    for (const host of ['limpet.example', 'limpet.example:1', '[2001:db8::1]:99'])
      expect(await status(host), host).to.equal(200)
    const wrong = ['localhost', `localhost:${port + 1}`, `evil.example:${port}`, `127.0.0.1.evil.example:${port}`]
    const malformed = [`a@localhost:${port}`, `localhost:${port}:1`, '[2001:db8::1]', `localhost.:${port}`, ':']
    for (const host of [...wrong, ...malformed]) expect(await status(host), host).to.equal(403)
    for (const { method, path } of ALL) {
      const headers = { host: `evil.example:${port}` }
      expect(await client.refusal(method, path, { headers }), `${method} ${path}`).to.deep.equal(FORBIDDEN)
    }
    expect(balancer.pool().size).to.equal(2)
  })

  it('answers for the address of the host that was connected to, where it listens on all of them', async () => {
    const { client } = await openAdminOnTcp({ admin: { listen: '0.0.0.0:0' } })
    const { port } = client.dial as { port: number }
    const other = new AdminClient({ host: '127.0.0.2', port })
    const asked = { headers: { host: `127.0.0.2:${port}` } }
    expect((await other.ask('GET', '/livez', asked)).status).to.equal(200)
    expect((await client.ask('GET', '/livez', asked)).status).to.equal(403)
  })

  it('refuses two hosts, and targets that are no path', async () => {
    const { client } = await openAdmin()
    const say = async (head: string): Promise<string> => {
      const socket = await client.connect()
      socket.write(`${head}\r\n\r\n`)
      return await firstData(socket)
    }
    expect(await say('GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost')).to.match(/^HTTP\/1.1 403 /)
    expect(await say('GET http://localhost/livez HTTP/1.1\r\nHost: localhost')).to.match(/^HTTP\/1.1 400 /)
    expect(await say('OPTIONS * HTTP/1.1\r\nHost: localhost')).to.match(/^HTTP\/1.1 405 /)
    expect(await say('GET /livez HTTP/1.1')).to.match(/^HTTP\/1.1 400 /)
    expect(await say('GET /livez HTTP/1.0')).to.match(/^HTTP\/1.1 403 /)
    expect(await say('GET /livez HTTP/1.1\r\nHost: localhost')).to.match(/^HTTP\/1.1 200 /)
  })

  it('refuses pages of other origins, and has no CORS', async () => {
    const { client } = await openAdmin()
    const refused: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost@evil.example' },
      { origin: 'file://' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]
    for (const headers of refused) {
      for (const { method, path } of ALL) {
        const name = `${method} ${path} ${JSON.stringify(headers)}`
        expect(await client.refusal(method, path, { headers }), name).to.deep.equal(FORBIDDEN)
      }
    }
    const own = { origin: 'http://localhost', 'sec-fetch-site': 'same-origin' }
    const { status, headers } = await client.ask('GET', '/v1/pools', { headers: own })
    expect(status).to.equal(200)
    expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).to.deep.equal([])
    expect((await client.ask('OPTIONS', '/v1/pools', { headers: own })).status).to.equal(405)
  })

  it('takes changes as JSON only, as no form can send them', async () => {
    const { balancer, client } = await openAdmin()
    const raw = JSON.stringify(NEW)
    const types = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain', 'application/jsonx', '']
    for (const type of types) {
      const asked = { raw, headers: { 'content-type': type } }
      expect(await client.refusal('POST', BACKENDS, asked), type).to.deep.equal([415, 'LIMPET_ERR_ADMIN_REQUEST'])
    }
    expect(await client.refusal('POST', BACKENDS, { raw })).to.deep.equal([415, 'LIMPET_ERR_ADMIN_REQUEST'])
    expect(await client.refusal('POST', '/v1/reload')).to.deep.equal([415, 'LIMPET_ERR_ADMIN_REQUEST'])
    expect(await client.refusal('PATCH', `${BACKENDS}/a`)).to.deep.equal([415, 'LIMPET_ERR_ADMIN_REQUEST'])
    expect(balancer.pool().size).to.equal(2)
    const asked = { raw, headers: { 'content-type': 'application/json; charset=utf-8' } }
    expect((await client.ask('POST', BACKENDS, asked)).status).to.equal(201)
  })

  it('wants the token where there is one, on a unix socket too', async () => {
    for (const open of [openAdmin, openAdminOnTcp]) {
      const { balancer, client } = await open({ admin: { token: TOKEN } })
      const bare = new AdminClient(client.dial)
      const wrong = ['', TOKEN, 'Bearer', 'Bearer ', `Basic ${TOKEN}`, 'Bearer wrong', `Bearer ${TOKEN}x`]
      for (const { method, path } of ALL) {
        if (path.endsWith('z')) expect((await bare.ask(method, path)).status, path).to.be.oneOf([200, 503])
        else {
          const { status, headers } = await bare.ask(method, path)
          expect([status, headers['www-authenticate']], path).to.deep.equal([401, 'Bearer'])
        }
      }
      for (const authorization of wrong) {
        const asked = { headers: { authorization } }
        expect(await bare.refusal('GET', '/v1/pools', asked), authorization).to.deep.equal([
          401,
          'LIMPET_ERR_ADMIN_TOKEN',
        ])
      }
      for (const path of ['/livez/', '//livez', '/livez/../v1/pools', '/./livez', '/LIVEZ', '/livez%2f..%2fv1/pools'])
        expect((await bare.ask('GET', path)).status, path).to.equal(401)
      expect(await bare.refusal('POST', BACKENDS, { body: NEW })).to.deep.equal([401, 'LIMPET_ERR_ADMIN_TOKEN'])
      expect(balancer.pool().size).to.equal(2)
      expect((await client.ask('POST', BACKENDS, { body: NEW })).status).to.equal(201)
      expect((await bare.ask('GET', '/v1/pools', { headers: { authorization: `bearer  ${TOKEN}` } })).status).to.equal(
        200,
      )
    }
  })

  it('looks at so many wrong tokens of an address only, and holds up nobody else', async () => {
    await unlessHeldUp(INTERVAL_MS, async beat => {
      const { client } = await openAdminOnTcp({ admin: { listen: '0.0.0.0:0' } })
      const { port } = client.dial as { port: number }
      const ask = async (host: string, token?: string, path = '/v1/pools'): Promise<number> => {
        beat()
        const { status, headers } = await new AdminClient({ host, port, localAddress: host }, token).ask('GET', path)
        if (status === 429) expect(Number(headers['retry-after'])).to.be.within(1, INTERVAL_MS / 1000)
        return status
      }
      let tries = 0
      while ((await ask('127.0.0.2', 'wrong')) !== 429) tries++
      expect(tries).to.be.within(BURST, 2 * BURST)
      // Not even the right one; but what needs none, and who shows none.
      expect(await ask('127.0.0.2', TOKEN)).to.equal(429)
      expect(await ask('127.0.0.2', 'wrong', '/livez')).to.equal(200)
      expect(await ask('127.0.0.2')).to.equal(401)
      expect(await ask('127.0.0.3', TOKEN)).to.equal(200)
      await until('the end of the wait', async () => (await ask('127.0.0.2', TOKEN)) === 200)
    })
  })

  it('reads no more of a body than it takes, whether its length is told or not', async () => {
    const { balancer, client } = await openAdmin()
    const pad = (length: number): string => JSON.stringify({ ...NEW, name: 'x'.repeat(length) })
    const tooLong = [413, 'LIMPET_ERR_ADMIN_REQUEST']
    const json = { 'content-type': 'application/json' }
    expect(await client.refusal('POST', BACKENDS, { raw: pad(LIMITS.body), headers: json })).to.deep.equal(tooLong)
    const socket = await client.connect()
    socket.write(`POST ${BACKENDS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`)
    socket.write(
      `Transfer-Encoding: chunked\r\n\r\n${(LIMITS.body + 1).toString(16)}\r\n${' '.repeat(LIMITS.body + 1)}`,
    )
    expect(await firstData(socket)).to.match(/^HTTP\/1.1 413 /)
    // As long as can be is refused for its name, and so was read.
    expect(await client.refusal('POST', BACKENDS, { raw: pad(LIMITS.body - 200), headers: json })).to.deep.equal([
      400,
      'LIMPET_ERR_CONFIG',
    ])
    expect(balancer.pool().size).to.equal(2)
  })

  it('tells what it thinks of what is no request, or too long a one', async () => {
    const { client } = await openAdmin()
    const say = async (text: string): Promise<string> => {
      const socket = await client.connect()
      socket.write(text)
      return await firstData(socket)
    }
    expect(await say('hello\r\n\r\n')).to.match(/^HTTP\/1.1 400 .*"code":"LIMPET_ERR_ADMIN_REQUEST"/s)
    const long = `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(LIMITS.headers)}\r\n\r\n`
    expect(await say(long)).to.match(/^HTTP\/1.1 431 .*"code":"LIMPET_ERR_ADMIN_REQUEST"/s)
    expect(await say('GET /livez HTTP/1.1\r\nHost: localhost\r\n')).to.match(/^HTTP\/1.1 408 .*"code"/s)
  })

  it('takes JSON in UTF-8 only', async () => {
    const { client } = await openAdmin()
    const headers = { 'content-type': 'application/json' }
    for (const raw of ['{', '{"name":"c"', 'name=c', Buffer.from('{"name":"\xff"}', 'latin1'), '\ufeff\u0000']) {
      expect(await client.refusal('POST', BACKENDS, { raw, headers })).to.deep.equal([400, 'LIMPET_ERR_ADMIN_REQUEST'])
    }
    for (const raw of ['null', '1', '"x"', '[]', '{}', '{"__proto__":{"name":"c"},"address":"127.0.0.1:1"}', ''])
      expect(await client.refusal('POST', BACKENDS, { raw, headers }), raw).to.deep.equal([400, 'LIMPET_ERR_CONFIG'])
  })

  it('never tells a secret', async () => {
    const { client } = await openAdminOnTcp({ pool: { secret: 'the secret of the pool' } })
    for (const { path } of ALL.filter(
      ({ method, path }) => method === 'GET' && path !== '/v1/events' && path !== '/v1/log',
    )) {
      const { text } = await client.ask('GET', path)
      expect(text, path).to.not.include('the secret of the pool')
      expect(text, path).to.not.include(TOKEN)
    }
  })
})
