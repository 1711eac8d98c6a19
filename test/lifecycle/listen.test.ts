import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { NetAcceptor } from '../../src/acceptor/net-acceptor.ts'
import type { ListenerOptions } from '../../src/config/options.ts'
import { handleOf } from '../../src/relay/handle.ts'
import { freePort } from '../helpers/net.ts'
import { compiled } from '../helpers/typescript/compiled.ts'
import {
  afterTest,
  ask,
  cleanUp,
  connectTo,
  makeBalancer,
  plainListener,
  portOf,
  readAll,
  rejection,
  startBackend,
  thrownCode,
} from './helpers.ts'

function listeners(...binds: ListenerOptions['bind'][]): { listeners: ListenerOptions[] } {
  return { listeners: binds.map((bind, index) => ({ name: `l${index}`, bind, pool: 'p' })) }
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'limpet-'))
  afterTest(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function askUnix(path: string, text: string): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.end(text)
  return (await readAll(socket)).text
}

/** The file of a unix socket that nobody listens on. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(path)
  await once(server, 'listening')
  // Closing removes what is at the path.
  renameSync(path, `${path}.kept`)
  server.close()
  await once(server, 'close')
  renameSync(`${path}.kept`, path)
}

async function isRefused(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  const [event] = await Promise.race([
    once(socket, 'connect').then(() => ['connect']),
    once(socket, 'error').then(() => ['error']),
  ]).catch(() => ['error'])
  socket.destroy()
  return event === 'error'
}

/** A process that has a listen socket as a descriptor, and a balancer on it with one backend. */
async function listenOnDescriptor(backend: (port: number) => string): Promise<{ port: number; child: ChildProcess }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const fd = handleOf(server)?.fd ?? -1
  const child = fork(compiled(new URL('./fixtures/listen-fd.mjs', import.meta.url)), [backend(port)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', fd],
  })
  afterTest(() => child.kill('SIGKILL'))
  // Only the child accepts.
  server.close()
  return { port, child }
}

describe('listening', () => {
  afterEach(cleanUp)

  it('binds every kind of address', async () => {
    const backend = await startBackend()
    const path = join(temporaryDirectory(), 'l.sock')
    const balancer = makeBalancer(
      { backends: [{ name: 'a', address: backend.address }] },
      listeners('127.0.0.1:0', ':0', `unix:${path}`, 'localhost:0'),
    )
    await balancer.listen()
    expect(balancer.address('l0')).to.include({ address: '127.0.0.1', family: 'IPv4' })
    expect(balancer.address('l2')).to.equal(path)
    for (const name of ['l0', 'l1'])
      expect(await ask((balancer.address(name) as AddressInfo).port, 'x')).to.equal('hello x')
    expect(await askUnix(path, 'y')).to.equal('hello y')
    expect(balancer.stats().pools.p?.decisions.nokey).to.equal(1)
  })

  it('opens all listeners or none', async () => {
    const taken = await startBackend()
    const free = await freePort()
    const balancer = makeBalancer({}, listeners(`127.0.0.1:${free}`, taken.address))
    const error = await rejection(balancer.listen())
    expect(error).to.include({ code: 'EADDRINUSE', port: taken.port, listener: 'l1' })
    expect(await isRefused(free)).to.equal(true)
  })

  it('listens on a descriptor that is already open', async () => {
    const backend = await startBackend()
    const { port, child } = await listenOnDescriptor(() => backend.address)
    const [message] = (await once(child, 'message')) as [{ port: number }]
    expect(message.port).to.equal(port)
    expect(await ask(port, 'through a descriptor')).to.equal('hello through a descriptor')
    child.send('close')
    const [code] = await once(child, 'exit')
    expect(code).to.equal(0)
  })

  it('says that a descriptor is no listen socket', async () => {
    const balancer = makeBalancer({}, listeners({ fd: 2_000_000_000 }))
    expect(await rejection(balancer.listen())).to.include({ syscall: 'listen', listener: 'l0' })
    expect(balancer.status).to.equal('idle')
  })

  it('looks host names up once', async () => {
    const backend = await startBackend()
    const balancer = makeBalancer({ backends: [{ name: 'a', address: `localhost:${backend.port}` }] })
    expect(balancer.pick('192.0.2.1').address).to.equal(`localhost:${backend.port}`)
    await balancer.listen()
    expect(await ask(portOf(balancer), 'x')).to.equal('hello x')
    balancer.pool().update('a', { weight: 3 })
    expect(await ask(portOf(balancer), 'x')).to.equal('hello x')
    expect(thrownCode(() => balancer.pool().add({ name: 'b', address: 'backend.example:80' }))).to.equal(
      'LIMPET_ERR_BAD_ADDRESS',
    )
    expect(balancer.pool().size).to.equal(1)
  })

  it('rejects when a host name is not known', async () => {
    const balancer = makeBalancer({ backends: [{ name: 'a', address: 'no-such-host.invalid:80' }] })
    expect(await rejection(balancer.listen())).to.include({ syscall: 'getaddrinfo', hostname: 'no-such-host.invalid' })
    expect(balancer.status).to.equal('idle')
  })

  it('does nothing when the signal is aborted before', async () => {
    const balancer = makeBalancer()
    const reason = new Error('changed my mind')
    const error = await rejection(balancer.listen({ signal: AbortSignal.abort(reason) }))
    expect(error).to.include({ name: 'AbortError', code: 'ABORT_ERR', cause: reason })
    expect(balancer.status).to.equal('idle')
  })

  it('closes what is open again when the signal is aborted meanwhile', async () => {
    const balancer = makeBalancer()
    const controller = new AbortController()
    const opening = rejection(balancer.listen({ signal: controller.signal }))
    controller.abort()
    expect((await opening).name).to.equal('AbortError')
    expect(balancer.status).to.equal('idle')
    expect(balancer.address()).to.equal(null)
    await balancer.listen()
    expect(balancer.status).to.equal('listening')
  })
})

describe('unix sockets', () => {
  afterEach(cleanUp)

  it('are refused while a server answers there', async () => {
    const path = join(temporaryDirectory(), 'live.sock')
    await startBackend(undefined, { path })
    const error = await rejection(makeBalancer({}, listeners(`unix:${path}`)).listen())
    expect(error).to.include({ code: 'EADDRINUSE', address: path, listener: 'l0' })
    expect(await askUnix(path, 'x')).to.equal('hello x')
  })

  it('are taken over from a process that was killed', async () => {
    const path = join(temporaryDirectory(), 'stale.sock')
    const child = fork(compiled(new URL('./fixtures/leave-socket.mjs', import.meta.url)), [path])
    await once(child, 'message')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const backend = await startBackend()
    const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listeners(`unix:${path}`))
    await balancer.listen()
    expect(await askUnix(path, 'x')).to.equal('hello x')
  })

  it('are taken over by one of two that start at the same time', async () => {
    const path = join(temporaryDirectory(), 'race.sock')
    for (let turn = 0; turn < 30; turn++) {
      await leaveSocket(path)
      const balancers = [0, 1].map(() => makeBalancer({}, listeners(`unix:${path}`)))
      const [won, lost] = (await Promise.allSettled(balancers.map(balancer => balancer.listen()))).sort(
        (left, right) => Number(left.status === 'rejected') - Number(right.status === 'rejected'),
      )
      expect([won?.status, lost?.status]).to.deep.equal(['fulfilled', 'rejected'])
      if (lost?.status === 'rejected') expect(lost.reason).to.include({ code: 'EADDRINUSE', listener: 'l0' })
      expect(readdirSync(dirname(path))).to.deep.equal(['race.sock'])
      await Promise.all(balancers.map(balancer => balancer.destroy()))
    }
  })

  it('have no address when they are closed', async () => {
    const path = join(temporaryDirectory(), 'closed.sock')
    const balancer = makeBalancer({}, listeners(`unix:${path}`))
    await balancer.listen()
    const closing = balancer.close()
    await closing
    expect(balancer.address()).to.equal(null)
    expect(balancer.stats().listeners.l0?.address).to.equal(null)
  })

  it('are refused where there is another kind of file, which stays', async () => {
    const path = join(temporaryDirectory(), 'notes.txt')
    writeFileSync(path, 'mine')
    expect(await rejection(makeBalancer({}, listeners(`unix:${path}`)).listen())).to.include({ code: 'EADDRINUSE' })
  })
})

describe('backends that lead back', () => {
  afterEach(cleanUp)

  it('are refused by the configuration where they can be seen there', () => {
    expect(
      thrownCode(() => makeBalancer({ backends: [{ name: 'a', address: '127.0.0.1:7999' }] }, listeners(':7999'))),
    ).to.equal('LIMPET_ERR_CONFIG')
  })

  it('are refused by listen(), which knows what a descriptor is', async () => {
    const { port, child } = await listenOnDescriptor(port => `127.0.0.1:${port}`)
    const [message] = await once(child, 'message')
    expect(message).to.deep.equal({ code: 'LIMPET_ERR_SELF_BACKEND', backend: 'a' })
    expect(await isRefused(port)).to.equal(true)
  })

  it('are refused by add() and update() once the port is known', async () => {
    const backend = await startBackend()
    const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listeners(':0'))
    await balancer.listen()
    const port = portOf(balancer)
    for (const host of ['127.0.0.1', '127.9.9.9', '[::1]']) {
      const action = () => balancer.pool().add({ name: 'self', address: `${host}:${port}` })
      expect(thrownCode(action), host).to.equal('LIMPET_ERR_SELF_BACKEND')
    }
    expect(thrownCode(() => balancer.pool().update('a', { address: `127.0.0.1:${port}` }))).to.equal(
      'LIMPET_ERR_SELF_BACKEND',
    )
    expect(balancer.pool().backends()).to.have.length(1)
    expect(await ask(port, 'x')).to.equal('hello x')
  })

  it('are refused through two pools', async () => {
    const balancer = makeBalancer()
    const two = {
      listeners: [
        { name: 'one', bind: '127.0.0.1:0', pool: 'first' },
        { name: 'two', bind: '127.0.0.1:0', pool: 'second' },
      ],
      pools: { first: {}, second: {} },
    }
    await balancer.destroy()
    const pair = makeBalancer({}, two)
    await pair.listen()
    const [one, other] = ['one', 'two'].map(name => (pair.address(name) as AddressInfo).port)
    pair.pool('first').add({ name: 'chained', address: `127.0.0.1:${other}` })
    expect(thrownCode(() => pair.pool('second').add({ name: 'circle', address: `127.0.0.1:${one}` }))).to.equal(
      'LIMPET_ERR_SELF_BACKEND',
    )
  })
})

describe('clients that come while the balancer opens', () => {
  afterEach(cleanUp)

  const settings = plainListener()

  async function openWithClient(serve: (socket: Socket) => void): Promise<{ acceptor: NetAcceptor; client: Socket }> {
    const acceptor = new NetAcceptor(settings, { serve, failed: error => expect.fail(error.message) })
    await acceptor.listen()
    const accepted = once(acceptor.server, 'connection')
    const client = await connectTo((acceptor.address() as AddressInfo).port)
    await accepted
    return { acceptor, client }
  }

  it('wait until everything is open', async () => {
    const served: Socket[] = []
    const { acceptor, client } = await openWithClient(socket => served.push(socket))
    acceptor.accept()
    expect(served.map(socket => socket.remotePort)).to.deep.equal([client.localPort])
    await acceptor.close()
    for (const socket of served) socket.destroy()
  })

  it('are closed when it fails', async () => {
    const { acceptor, client } = await openWithClient(() => expect.fail('it was served'))
    await acceptor.close()
    expect((await readAll(client)).bytes).to.equal(0)
  })
})
