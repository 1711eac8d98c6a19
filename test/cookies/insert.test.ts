import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { expect } from 'chai'
import { DerivedSecrets } from '../../src/config/secrets.ts'
import { tokenOf } from '../../src/cookies/token.ts'
import type { CookieOptions, PoolOptions } from '../../src/index.ts'
import type { Conn } from '../helpers/net.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend } from '../helpers/servers.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { type Answer, AUTO, answerOf, everything, HttpBackend } from './servers.ts'

const NAMES = ['a', 'b', 'c']
const SECRET = 'a secret for cookies'
const { cookie: KEY } = new DerivedSecrets(Buffer.from(SECRET))
const tokens = new Map(NAMES.map(name => [name, tokenOf(KEY, name)]))
/** The value of the cookie that is set for a backend. */
const cookieFor = (name: string): string => `limpet=${tokens.get(name)}`

describe('a cookie of its own (affinity.cookie, insert)', function () {
  this.timeout(TEST_MS)
  const cleanUps: (() => unknown)[] = []
  let backends: HttpBackend[]

  beforeEach(async () => {
    backends = await Promise.all(NAMES.map(name => HttpBackend.start(name)))
    cleanUps.push(...backends.map(backend => () => backend[Symbol.asyncDispose]()))
  })
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  async function open(cookie: Partial<CookieOptions> = {}, pool: PoolOptions = {}): Promise<Rig> {
    const rig = await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      pool: { secret: SECRET, boundedLoad: 'off', affinity: { cookie: { mode: 'insert', ...cookie } }, ...pool },
    })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    return rig
  }

  /** Asks once, on a connection of its own. */
  async function ask(rig: Rig, cookie?: string, method = 'GET'): Promise<Answer> {
    const client = await rig.connect()
    const field = cookie === undefined ? '' : `Cookie: ${cookie}\r\n`
    await client.send(`${method} / HTTP/1.1\r\nHost: x\r\n${field}Connection: close\r\n\r\n`)
    return answerOf(await everything(client))
  }

  const reasons = (rig: Rig): Record<string, number> => ({ ...rig.stats.pools[rig.pool]?.decisions })

  it('is set with the first response, and leads back', async () => {
    const rig = await open()
    const { body: home, cookies } = await ask(rig)
    expect(cookies).to.deep.equal([`${cookieFor(home)}; Path=/; SameSite=Lax; HttpOnly`])
    for (const name of NAMES) {
      const { body, cookies: again } = await ask(rig, `x=1; ${cookieFor(name)}; y=2`)
      expect([body, again]).to.deep.equal([name, []])
    }
    expect(reasons(rig)).to.include({ cookie: 3 })
    expect(rig.counters).to.include({ cookiesSet: 1, keyFound: 3, keyMissing: 1 })
    expect(rig.balancer.pool().explain('127.0.0.1').pin?.backend).to.equal(home)
  })

  it('is set anew for as long as it lasts', async () => {
    const rig = await open({ maxAge: '1h', name: 'lb', secure: true, sameSite: 'none', httpOnly: false })
    const { body: home } = await ask(rig)
    const token = tokens.get(home)
    const { cookies } = await ask(rig, `lb=${token}`)
    expect(cookies).to.deep.equal([`lb=${token}; Path=/; Max-Age=3600; SameSite=None; Secure`])
    expect(rig.counters.cookiesSet).to.equal(2)
  })

  it('is ignored and replaced where it is not its own', async () => {
    const rig = await open()
    const { body: home, cookies: right } = await ask(rig)
    const another = tokenOf(new DerivedSecrets(Buffer.from('another secret')).cookie, 'b')
    const gone = tokenOf(KEY, 'd')
    const forged = ['b', '', another, gone, `${tokens.get('b')}x`, tokens.get('b')?.toUpperCase(), 'x'.repeat(4000)]
    for (const value of forged) {
      const { body, cookies } = await ask(rig, `limpet=${value}`)
      expect([body, cookies], value).to.deep.equal([home, right])
    }
    expect(reasons(rig)).to.include({ cookie: 0 })
  })

  it('leads elsewhere, with a new cookie, while its backend is gone, and back when it is there again by the old one', async () => {
    const rig = await open()
    const [a] = backends as [HttpBackend]
    const { port } = a
    await a[Symbol.asyncDispose]()
    const { body: other, cookies } = await ask(rig, cookieFor('a'))
    expect(other).to.be.oneOf(['b', 'c'])
    expect(cookies).to.deep.equal([`${cookieFor(other)}; Path=/; SameSite=Lax; HttpOnly`])
    const back = await HttpBackend.start('a', undefined, port)
    cleanUps.push(() => back[Symbol.asyncDispose]())
    expect((await ask(rig, cookieFor(other))).body).to.equal(other)
    expect((await ask(rig, cookieFor('a'))).body).to.equal('a')
  })

  it('outlives a restart, and the order and the addresses of the backends', async () => {
    const { body: home } = await ask(await open())
    backends.reverse()
    expect((await ask(await open(), cookieFor(home))).body).to.equal(home)
  })

  it('follows backends that are added and removed', async () => {
    const rig = await open()
    await ask(rig)
    const added = await HttpBackend.start('d')
    cleanUps.push(() => added[Symbol.asyncDispose]())
    const pool = rig.balancer.pool()
    pool.add(added.options)
    expect((await ask(rig, `limpet=${tokenOf(KEY, 'd')}`)).body).to.equal('d')
    pool.remove('d')
    expect((await ask(rig, `limpet=${tokenOf(KEY, 'd')}`)).cookies).to.have.length(1)
  })

  it('beats the bound, and clients that drain keep their backend', async () => {
    const rig = await open({}, { boundedLoad: 1 })
    const held = await Promise.all([1, 2, 3, 4].map(() => rig.connect()))
    for (const client of held) {
      await client.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookieFor('b')}\r\n\r\n`)
      expect(await client.line()).to.equal('HTTP/1.1 200 OK\r')
    }
    expect(rig.loads).to.deep.equal({ a: 0, b: 4, c: 0 })
    rig.balancer.pool().update('b', { state: 'drain' })
    expect((await ask(rig, cookieFor('b'))).body).to.equal('b')
    rig.balancer.pool().update('b', { state: 'drain-hard' })
    expect((await ask(rig, cookieFor('b'))).body).to.be.oneOf(['a', 'c'])
  })

  it('comes before the key of the pool, which decides without one', async () => {
    const affinity = { key: 'http.header:x-user', cookie: { mode: 'insert' }, fallback: 'refuse' } as const
    const rig = await open({}, { affinity })
    const home = rig.balancer.pool().explain(Buffer.from('ann')).home ?? ''
    const away = NAMES.find(name => name !== home) ?? ''
    const say = async (fields: string): Promise<string> => {
      const client = await rig.connect()
      await client.send(`GET / HTTP/1.1\r\nHost: x\r\n${fields}Connection: close\r\n\r\n`)
      return answerOf(await everything(client)).body
    }
    expect(await say('X-User: ann\r\n')).to.equal(home)
    expect(await say(`X-User: ann\r\nCookie: ${cookieFor(away)}\r\n`)).to.equal(away)
    expect(await say(`Cookie: ${cookieFor(away)}\r\n`)).to.equal(away)
    expect(await say('')).to.equal('')
    expect(rig.counters.refusedNoKey).to.equal(1)
  })

  it('waits for a client that says nothing for now', async () => {
    const rig = await open({}, {})
    const client = await rig.connect()
    await until('it to be there', () => rig.stats.sessions === 1)
    // As browsers do: connected at first, used later.
    await client.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookieFor('b')}\r\nConnection: close\r\n\r\n`)
    expect(answerOf(await everything(client)).body).to.equal('b')
  })

  it('knows a client that is silent for longer than a head may take, and waits for no head for longer', async () => {
    const rig = await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      pool: { secret: SECRET, affinity: { cookie: { mode: 'insert' } } },
      listener: { peek: { timeout: '10ms' } },
    })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    const [silent, slow] = await Promise.all([rig.connect(), rig.connect()])
    await slow?.send('GET / HTTP/1.1\r\n')
    await until('the slow one to be served', () => rig.counters.opened === 1)
    expect(rig.counters.keyLate).to.equal(1)
    await silent?.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookieFor('b')}\r\nConnection: close\r\n\r\n`)
    expect(silent && answerOf(await everything(silent)).body).to.equal('b')
  })

  it('changes nothing else of an answer: HEAD, 304, chunks, several requests at once', async () => {
    const raw = async (rig: Rig, text: string): Promise<string> => {
      const client = await rig.connect()
      await client.send(text)
      return (await everything(client)).toString('latin1')
    }
    const serve = ({ url }: IncomingMessage, response: ServerResponse): void => {
      response.sendDate = false
      if (url === '/304') response.writeHead(304, { etag: '"x"' }).end()
      else if (url === '/204') response.writeHead(204).end()
      else {
        response.write('first ')
        response.end('second')
      }
    }
    for (const backend of backends) await backend[Symbol.asyncDispose]()
    const server = await HttpBackend.start('a', serve)
    cleanUps.push(() => server[Symbol.asyncDispose]())
    backends = [server]
    const rig = await open()
    const texts = ['HEAD / HTTP/1.1', 'GET /304 HTTP/1.1', 'GET /204 HTTP/1.1', 'GET / HTTP/1.1', 'GET / HTTP/1.0']
    const requests = texts.map(text => `${text}\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const several = texts.slice(0, 4).map(text => `${text}\r\nHost: x\r\n\r\n`)
    for (const text of [...requests, several.join('') + requests[3]]) {
      const direct = await rig.connect({ port: server.port, host: '127.0.0.1' })
      await direct.send(text)
      const wanted = (await everything(direct)).toString('latin1')
      const got = await raw(rig, text)
      const line = `Set-Cookie: ${cookieFor('a')}; Path=/; SameSite=Lax; HttpOnly\r\n`
      expect(got.replace(line, '')).to.equal(wanted)
      expect(got.split(line)).to.have.length(2)
    }
  })

  it('is put into an answer that changes the protocol, and what follows goes as it is', async () => {
    const [a] = backends as [HttpBackend]
    a.server.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nwelcome\n')
      socket.pipe(socket)
    })
    const rig = await open({ maxAge: '1h' })
    const upgrade = request({ ...rig.dial, headers: { cookie: cookieFor('a'), connection: 'Upgrade', upgrade: 'raw' } })
    upgrade.end()
    const [response, socket, head] = await once(upgrade, 'upgrade')
    expect(response.headers['set-cookie']).to.deep.equal([
      `${cookieFor('a')}; Path=/; Max-Age=3600; SameSite=Lax; HttpOnly`,
    ])
    let text = String(head)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    const frames = 'HTTP/1.1 200 OK\r\n\r\n\x00\xff'
    socket.write(Buffer.from(frames, 'latin1'))
    await until(
      'all of it to come back',
      () => text === `welcome\n${frames}`,
      () => text,
    )
    socket.destroy()
  })

  it('passes on what is not HTTP', async () => {
    const echoing = await Backend.start({ name: 'a' })
    cleanUps.push(() => echoing[Symbol.asyncDispose]())
    const rig = await Rig.open(AUTO, { backends: [echoing], pool: { affinity: { cookie: { mode: 'insert' } } } })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    for (const text of ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x16\x03\x01\x00\x01x', 'SSH-2.0-x\r\n']) {
      const client = await rig.connect()
      expect(await client.echo(text)).to.equal(text)
      client.finish()
      expect(await client.over()).to.equal('end')
    }
    expect(rig.counters).to.include({ cookiesSet: 0, keyMissing: 3 })
    await rig.settle()
  })

  it('passes a head on that ends in the middle, and resets where the backend does', async () => {
    const server = await Backend.start({ name: 'a', serve: () => undefined })
    cleanUps.push(() => server[Symbol.asyncDispose]())
    const rig = await Rig.open(AUTO, { backends: [server], pool: { affinity: { cookie: { mode: 'insert' } } } })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    const begin = async (): Promise<[client: Conn, conn: Conn]> => {
      const client = await rig.connect()
      await client.send('GET / HTTP/1.1\r\n\r\n')
      const conn = await server.next()
      await conn.read(18)
      await conn.send('HTTP/1.1 200 OK\r\nX: ')
      return [client, conn]
    }
    const [client, conn] = await begin()
    conn.finish()
    client.finish()
    expect((await everything(client)).toString()).to.equal('HTTP/1.1 200 OK\r\nX: ')
    const [other, broken] = await begin()
    broken.reset()
    expect(await other.over()).to.equal('reset')
    expect(await rig.causes(2)).to.deep.equal(['endFinished', 'endBackendReset'])
    await rig.settle()
  })

  it('carries a body of megabytes at the pace of a slow client', async () => {
    const body = Buffer.alloc(8 * 1024 * 1024, 'x')
    for (const backend of backends) await backend[Symbol.asyncDispose]()
    const server = await HttpBackend.start('a', (_, response) => void response.end(body))
    cleanUps.push(() => server[Symbol.asyncDispose]())
    backends = [server]
    const rig = await open()
    const client = await rig.connect()
    await client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await until('it to be answered', () => rig.counters.bytesToClient > 0)
    client.finish()
    expect(answerOf(await everything(client)).body).to.have.length(body.length)
    await rig.settle()
  })
})
