import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { expect } from 'chai'
import { Balancer, type BalancerOptions, type CookieOptions, type LimpetError } from '../../src/index.ts'
import type { Conn } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend } from '../helpers/servers.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { AUTO, answerOf, cookieFor, everything, HttpBackend, NAMES, SECRET, selfSigned } from './servers.ts'

describe('sessions into which a cookie is put', function () {
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

  async function open(cookie: Partial<CookieOptions> = {}): Promise<Rig> {
    const rig = await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      pool: { secret: SECRET, boundedLoad: 'off', affinity: { cookie: { mode: 'insert', ...cookie } } },
    })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    return rig
  }

  it('can be had by a reload where the acceptor is the same, and needs a restart otherwise', async () => {
    const settings = { secret: SECRET, backends: backends.map(({ options }) => options) }
    const pools = { plain: settings, web: { ...settings, affinity: { cookie: { mode: 'insert' } } } } as const
    const asked = async (balancer: Balancer): Promise<string> => {
      const { port } = balancer.address() as AddressInfo
      const { headers } = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
      return headers.getSetCookie().join()
    }
    for (const acceptor of ['net', 'auto'] as const) {
      const listener = { name: 'l', bind: '127.0.0.1:0', acceptor }
      const options = (pool: string): BalancerOptions => ({ listeners: [{ ...listener, pool }], pools })
      const balancer = new Balancer({ ...options('plain'), log: { level: 'error' } })
      cleanUps.push(() => balancer.destroy())
      await balancer.listen()
      expect(await asked(balancer)).to.equal('')
      const reloaded = balancer.reload({ ...options('web'), log: { level: 'error' } })
      if (acceptor === 'auto') {
        const error = await reloaded.catch((reason: LimpetError) => reason)
        expect(error).to.have.property('code', 'LIMPET_ERR_NEEDS_RESTART')
        continue
      }
      await reloaded
      expect(await asked(balancer)).to.match(/^limpet=/)
      await balancer.reload({ ...options('plain'), log: { level: 'error' } })
      expect(await asked(balancer)).to.equal('')
    }
  })

  it('is set and read behind a TLS server of a program, whose sockets are given to the pool', async function () {
    const rig = await open()
    const { key, cert } = await selfSigned(requirePeer(this, 'openssl'))
    const server = createTlsServer({ key, cert, allowHalfOpen: true, pauseOnConnect: true }, socket => {
      void rig.balancer.handle(socket)
    }).listen(0, '127.0.0.1')
    cleanUps.push(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const asked = async (cookie?: string): Promise<[body: string, cookies: string[] | undefined]> => {
      const headers = cookie === undefined ? {} : { cookie }
      const asking = secureRequest({ host: '127.0.0.1', port, headers, agent: false, rejectUnauthorized: false }).end()
      const [response] = (await once(asking, 'response')) as [IncomingMessage]
      return [(await response.toArray()).join(''), response.headers['set-cookie']]
    }
    const [home, cookies] = await asked()
    expect(cookies).to.deep.equal([`${cookieFor(home)}; Path=/; SameSite=Lax; HttpOnly`])
    for (const name of NAMES) expect(await asked(cookieFor(name))).to.deep.equal([name, undefined])
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
