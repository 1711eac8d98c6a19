import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type ServerOpts, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import type { HandleOptions } from '../../src/balancer-types.ts'
import type { BalancerOptions } from '../../src/config/options.ts'
import type { Served } from '../../src/relay/relays.ts'
import { requirePeer } from '../helpers/peers.ts'
import {
  afterTest,
  ask,
  cleanUp,
  connectTo,
  firstData,
  makeBalancer,
  portOf,
  readAll,
  startBackend,
  stopServer,
  thrownCode,
  until,
} from './helpers.ts'

const NO_LISTENER = { listeners: [] }

async function open(options: Partial<BalancerOptions> = NO_LISTENER): Promise<Balancer> {
  const backend = await startBackend()
  const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, options)
  await balancer.listen()
  return balancer
}

/** A server of the user's own, and what `act` made of its sockets. */
async function serve<T>(
  act: (socket: Socket) => T,
  options: ServerOpts = {},
): Promise<{ port: number; results: T[]; server: Server }> {
  const results: T[] = []
  const sockets = new Set<Socket>()
  const server = createServer(options, socket => {
    sockets.add(socket)
    results.push(act(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterTest(() => stopServer(server, sockets))
  return { port: (server.address() as AddressInfo).port, results, server }
}

describe('handle()', () => {
  afterEach(cleanUp)

  it('gives plain sockets to the native relay, without listeners of its own', async () => {
    const balancer = await open()
    const { port, results } = await serve(socket => balancer.handle(socket))
    expect(await ask(port, 'x')).to.equal('hello x')
    expect(results).to.deep.equal(['native'])
    expect(balancer.stats().pools.p?.backends[0]).to.include({ total: 1 })
  })

  it('keeps to the maxSessions of a listener that both relays serve', async () => {
    const backend = await startBackend()
    const listeners = [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', maxSessions: 2 }]
    const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, { listeners })
    await balancer.listen()
    const { port, results } = await serve(
      socket => {
        // More than the system takes for a client that does not read: such a socket cannot be handed over.
        socket.write(Buffer.alloc(32 << 20))
        return balancer.handle(socket, { listener: 'l' })
      },
      { pauseOnConnect: true },
    )
    const clients = [await connectTo(port)]
    await until(() => results.length === 1)
    clients.push(await connectTo(portOf(balancer)))
    await firstData(clients[1] as Socket)
    expect(results).to.deep.equal(['stream'])
    const late = await readAll(await connectTo(portOf(balancer)))
    expect(late.bytes).to.equal(0)
    expect(balancer.stats().listeners.l?.sessions).to.equal(2)
    expect(balancer.stats().counters).to.include({ accepted: 3, refusedMaxSessions: 1 })
  })

  it('keeps the answer after the client half-closed, whatever allowHalfOpen was', async () => {
    const balancer = await open()
    for (const options of [{ allowHalfOpen: false }, { allowHalfOpen: true }, { pauseOnConnect: true }]) {
      const { port } = await serve(socket => balancer.handle(socket), options)
      expect(await ask(port, 'x')).to.equal('hello x')
    }
  })

  it('passes on bytes that the server already has', async () => {
    const balancer = await open()
    const { port, results } = await serve(
      socket =>
        new Promise<Served>(resolve => {
          const look = setInterval(() => {
            if (socket.readableLength < 5) return
            clearInterval(look)
            resolve(balancer.handle(socket))
          }, 5)
        }),
    )
    const client = await connectTo(port)
    client.write('first')
    await once(client, 'data')
    expect(await results[0]).to.equal('native')
    client.end(' second')
    expect((await readAll(client)).text).to.match(/first second$|^ second$/)
    expect(balancer.stats().counters.bytesToBackend).to.equal('first second'.length)
  })

  it('sends what the server has written before it serves, by the stream relay', async () => {
    const balancer = await open()
    const size = 4 * 1024 * 1024
    const { port, results } = await serve(socket => {
      socket.write(Buffer.alloc(size, 'x'))
      return balancer.handle(socket)
    })
    const client = await connectTo(port)
    client.end('!')
    expect((await readAll(client)).bytes).to.equal(size + 'hello !'.length)
    expect(results).to.deep.equal(['stream'])
  })

  it('counts against the maxSessions of a listener', async () => {
    const listeners = [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', maxSessions: 1 }]
    const balancer = await open({ listeners })
    const { port, results } = await serve(socket => balancer.handle(socket, { listener: 'l' }))
    const first = await connectTo(port)
    await once(first, 'data')
    const second = await connectTo(port)
    expect((await readAll(second)).bytes).to.equal(0)
    expect(results).to.deep.equal(['native', 'refused'])
    expect(balancer.stats().counters).to.include({ accepted: 2, refusedMaxSessions: 1 })
    expect(balancer.stats().listeners.l?.sessions).to.equal(1)
  })

  it('follows the relay of a listener', async () => {
    const balancer = await open({ listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', relay: 'stream' }] })
    const { port, results } = await serve(socket => balancer.handle(socket, { listener: 'l' }))
    expect(await ask(port, 'x')).to.equal('hello x')
    expect(results).to.deep.equal(['stream'])
  })

  it('gives TLS sockets to the stream relay: the backend gets plain text', async function () {
    const openssl = requirePeer(this, 'openssl')
    const balancer = await open()
    const { key, cert } = selfSigned(openssl)
    const results: Served[] = []
    const server = createTlsServer({ key, cert }, socket => {
      results.push(balancer.handle(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    afterTest(() => stopServer(server, []))
    const client = connectTls({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    await once(client, 'secureConnect')
    client.end('secret')
    expect((await readAll(client)).text).to.equal('hello secret')
    expect(results).to.deep.equal(['stream'])
    expect(balancer.stats().counters.endFinished).to.equal(1)
  })

  it('looks for keys in the plain text of TLS sockets, where code makes them', async function () {
    const openssl = requirePeer(this, 'openssl')
    const backend = await startBackend()
    const backends = [{ name: 'a', address: backend.address }]
    const heads: string[] = []
    const key = (head: Buffer): string => {
      heads.push(String(head))
      return head.length < 6 ? 'more' : 'ann'
    }
    const balancer = makeBalancer({ backends, affinity: { key } }, NO_LISTENER)
    await balancer.listen()
    const server = createTlsServer(selfSigned(openssl), socket => void balancer.handle(socket))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    afterTest(() => stopServer(server, []))
    const port = (server.address() as AddressInfo).port
    const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(client, 'secureConnect')
    client.end('secret')
    expect((await readAll(client)).text).to.equal('hello secret')
    expect(heads.at(-1)).to.equal('secret')
    expect(balancer.pool().explain(Buffer.from('ann')).pin?.backend).to.equal('a')
  })

  const unfit: [string, (socket: Socket) => unknown, string][] = [
    ['a socket that was destroyed', socket => socket.destroy(), 'LIMPET_ERR_SOCKET_NOT_TAKEN'],
    ['a socket that was ended', socket => socket.end(), 'LIMPET_ERR_SOCKET_NOT_TAKEN'],
    ['a socket that somebody reads', socket => socket.on('data', () => undefined), 'LIMPET_ERR_SOCKET_NOT_TAKEN'],
    ['a socket that is piped', socket => socket.pipe(new Socket()), 'LIMPET_ERR_SOCKET_NOT_TAKEN'],
    ['a socket with an encoding', socket => socket.setEncoding('utf8'), 'LIMPET_ERR_SOCKET_NOT_TAKEN'],
  ]
  for (const [what, prepare, code] of unfit) {
    it(`refuses ${what}, and leaves it alone`, async () => {
      const balancer = await open()
      const { port, results } = await serve(socket => {
        prepare(socket)
        const wasDestroyed = socket.destroyed
        const thrown = thrownCode(() => balancer.handle(socket))
        return { thrown, touched: socket.destroyed !== wasDestroyed }
      })
      await connectTo(port)
      await until(() => results.length === 1)
      expect(results).to.deep.equal([{ thrown: code, touched: false }])
      expect(balancer.stats().counters.accepted).to.equal(0)
    })
  }

  const wrong: [string, HandleOptions, string][] = [
    ['an unknown pool', { pool: 'q' }, 'LIMPET_ERR_UNKNOWN_POOL'],
    ['an unknown listener', { listener: 'q' }, 'LIMPET_ERR_UNKNOWN_LISTENER'],
    // @ts-expect-error: one or the other
    ['a pool beside a listener', { listener: 'l', pool: 'p' }, 'ERR_INVALID_ARG_TYPE'],
  ]
  for (const [what, options, code] of wrong) {
    it(`refuses ${what}`, async () => {
      const balancer = await open({ listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }] })
      expect(thrownCode(() => balancer.handle(new Socket(), options))).to.equal(code)
    })
  }

  it('refuses what is no socket', async () => {
    const balancer = await open()
    expect(() => balancer.handle({} as Socket))
      .to.throw(TypeError)
      .with.property('code', 'ERR_INVALID_ARG_TYPE')
  })
})

function selfSigned(openssl: string): { key: Buffer; cert: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), 'limpet-'))
  afterTest(() => rmSync(directory, { recursive: true, force: true }))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const options = [
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=localhost',
    '-days',
    '2',
  ]
  execFileSync(openssl, ['req', ...options, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}
