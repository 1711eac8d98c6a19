import { fork } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { chooseAcceptor } from '../../src/acceptor/choose.ts'
import type { Balancer } from '../../src/balancer.ts'
import type { ListenerOptions } from '../../src/config/options.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import type { SessionOpened } from '../../src/relay/session-feed.ts'
import { compiled } from '../helpers/typescript/compiled.ts'
import { within } from '../helpers/wait.ts'
import {
  afterTest,
  ask,
  cleanUp,
  connectTo,
  firstData,
  makeBalancer,
  portOf,
  readAll,
  rejection,
  startBackend,
  until,
} from './helpers.ts'

type AcceptorKind = 'net' | 'native'

const ACCEPTORS: readonly AcceptorKind[] = process.platform === 'linux' ? ['native', 'net'] : ['net']

function on(acceptor: AcceptorKind, options: Partial<ListenerOptions> = {}): { listeners: ListenerOptions[] } {
  return { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', acceptor, ...options }] }
}

async function listening(acceptor: AcceptorKind, options: Partial<ListenerOptions> = {}): Promise<Balancer> {
  const backend = await startBackend()
  const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, on(acceptor, options))
  await balancer.listen()
  return balancer
}

function socketPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'limpet-'))
  afterTest(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'l.sock')
}

for (const acceptor of ACCEPTORS) {
  describe(`the ${acceptor} acceptor`, () => {
    afterEach(cleanUp)

    it('tells where it listens, as net does', async () => {
      const ipv4 = await listening(acceptor, { bind: '0.0.0.0:0' })
      expect(ipv4.address()).to.deep.equal({ address: '0.0.0.0', family: 'IPv4', port: portOf(ipv4) })
      const ipv6 = await listening(acceptor, { bind: '[::1]:0' })
      expect(ipv6.address()).to.deep.equal({ address: '::1', family: 'IPv6', port: portOf(ipv6) })
      const path = socketPath()
      expect((await listening(acceptor, { bind: `unix:${path}` })).address()).to.equal(path)
    })

    it('serves IPv4 and IPv6 on a port without host, and each alone where it is asked for', async () => {
      const both = portOf(await listening(acceptor, { bind: ':0' }))
      expect(await ask(both, 'four')).to.equal('hello four')
      const six = connect({ port: both, host: '::1', allowHalfOpen: true })
      await once(six, 'connect')
      six.end('six')
      expect((await readAll(six)).text).to.equal('hello six')
      const alone = portOf(await listening(acceptor, { bind: '[::]:0' }))
      // Another address of this host: on 127.0.0.1 another test may have got the same number, which is free there.
      const [error] = await once(connect({ port: alone, host: '127.88.0.9' }), 'error')
      expect(error).to.include({ code: 'ECONNREFUSED' })
    })

    it('tells what is in the way, as net does', async () => {
      const taken = await startBackend()
      const error = await rejection(makeBalancer({}, on(acceptor, { bind: taken.address })).listen())
      const facts = { code: 'EADDRINUSE', syscall: 'listen', address: '127.0.0.1', port: taken.port, listener: 'l' }
      expect(error).to.include(facts)
      expect(error.message).to.match(/^listen EADDRINUSE.* 127\.0\.0\.1:\d+$/)
      const elsewhere = await rejection(makeBalancer({}, on(acceptor, { bind: '192.0.2.1:0' })).listen())
      expect(elsewhere).to.include({ code: 'EADDRNOTAVAIL', syscall: 'listen', listener: 'l' })
      const missing = join(socketPath(), 'deeper', 'l.sock')
      const lost = await rejection(makeBalancer({}, on(acceptor, { bind: `unix:${missing}` })).listen())
      expect(lost).to.include({ syscall: 'listen', address: missing, listener: 'l' })
    })

    it('removes the file of its unix socket', async () => {
      const path = socketPath()
      const balancer = await listening(acceptor, { bind: `unix:${path}` })
      expect(existsSync(path)).to.equal(true)
      await balancer.close()
      expect(existsSync(path)).to.equal(false)
      expect(balancer.address()).to.equal(null)
    })

    it('takes deferAccept and fastOpen', async () => {
      const balancer = await listening(acceptor, { deferAccept: '30s', fastOpen: 'on', backlog: 16 })
      const silent = await connectTo(portOf(balancer))
      expect(await ask(portOf(balancer), 'first')).to.equal('hello first')
      expect(balancer.stats().counters.accepted, 'whoever says nothing waits').to.equal(1)
      silent.write('x')
      expect(await firstData(silent)).to.match(/^hello/)
    })

    it('keeps the process alive while it listens, and not longer', async () => {
      const backend = await startBackend()
      const child = fork(compiled(new URL('./fixtures/listener.mjs', import.meta.url)), [backend.address, acceptor])
      afterTest(() => child.kill('SIGKILL'))
      const [port] = (await once(child, 'message')) as [number]
      // Its channel to the parent is closed, too.
      expect(await ask(port, 'x')).to.equal('hello x')
      expect(await ask(port, 'close')).to.equal('hello close')
      const ended = await within('the end of the process', once(child, 'exit'))
      expect(ended).to.deep.equal([0, null])
    })

    it('tells of sessions to whoever subscribes, as long as that lasts', async () => {
      const balancer = await listening(acceptor)
      const seen: string[] = []
      const tell = (session: unknown): unknown => seen.push(String((session as SessionOpened).clientAddress))
      const visit = async (from: string): Promise<void> => {
        expect(await ask(portOf(balancer), 'x', from)).to.equal('hello x')
        await until(() => balancer.stats().sessions === 0)
      }
      await visit('127.0.0.2')
      subscribe('limpet:session:open', tell)
      await visit('127.0.0.3')
      await until(() => seen.length === 1)
      unsubscribe('limpet:session:open', tell)
      await visit('127.0.0.4')
      subscribe('limpet:session:open', tell)
      await visit('127.0.0.5')
      await until(() => seen.length === 2)
      unsubscribe('limpet:session:open', tell)
      expect(seen).to.deep.equal(['127.0.0.3', '127.0.0.5'])
    })
  })
}

describe('the choice of the acceptor', () => {
  afterEach(cleanUp)

  it('refuses, with places, what cannot be', async () => {
    const refused: [Partial<ListenerOptions>, RegExp][] = [
      [{ acceptor: 'native', relay: 'stream' }, /listeners\[0\]\.acceptor: the stream relay takes its clients/],
      [{ acceptor: 'native', bind: { fd: 3 } }, /listeners\[0\]\.acceptor: the native acceptor opens its own/],
      [{ bind: 'unix:/tmp/l', deferAccept: 'on' }, /listeners\[0\]\.deferAccept: this is an option of TCP/],
      [{ bind: 'unix:/tmp/l', fastOpen: 8 }, /listeners\[0\]\.fastOpen: this is an option of TCP/],
      [{ bind: 'unix:/tmp/l', allow: ['10.0.0.0/8'] }, /listeners\[0\]\.allow: clients of a unix socket have no addr/],
      [{ bind: 'unix:/tmp/l', deny: ['10.0.0.0/8'] }, /listeners\[0\]\.deny: clients of a unix socket have no address/],
    ]
    for (const [options, text] of refused) expect(() => makeBalancer({}, on('net', options))).to.throw(text)
  })

  it('is native where it can be', () => {
    const choices = [{}, { relay: 'native' }, { relay: 'stream' }, { acceptor: 'net' }, { bind: { fd: 3 } }] as const
    const { listeners, pools } = resolveOptions({
      listeners: choices.map((choice, index) => ({ name: `l${index}`, bind: ':0', pool: 'p', ...choice })),
      pools: { p: {} },
    })
    const best = process.platform === 'linux' ? 'native' : 'net'
    const pool = pools.get('p') ?? expect.fail('there is no pool')
    const chosen = listeners.map(listener => chooseAcceptor(listener, [pool]))
    expect(chosen).to.deep.equal([best, best, 'net', 'net', 'net'])
  })

  it('is refused, if native, in the worker of a cluster', async () => {
    const child = fork(compiled(new URL('./fixtures/cluster-native.mjs', import.meta.url)))
    afterTest(() => child.kill('SIGKILL'))
    expect((await once(child, 'message'))[0]).to.deep.equal({ code: 'LIMPET_ERR_UNSUPPORTED', listener: 'l' })
  })
})

const describeOnLinux = process.platform === 'linux' ? describe : describe.skip

describeOnLinux('a native acceptor', () => {
  afterEach(cleanUp)

  it('is closed while clients come in, and none that has connected is refused an answer', async () => {
    const balancer = await listening('native')
    const port = portOf(balancer)
    const clients = await Promise.all(Array.from({ length: 200 }, () => connectTo(port)))
    const closing = balancer.close({ timeoutMs: 10_000 })
    const answers = clients.map(async client => {
      client.end('x')
      return (await readAll(client)).text
    })
    expect(new Set(await Promise.all(answers))).to.deep.equal(new Set(['hello x']))
    expect(await closing).to.deep.equal({ finished: 200, cut: 0 })
  })

  it('leaves the file of somebody else where its unix socket was', async () => {
    const path = socketPath()
    const balancer = await listening('native', { bind: `unix:${path}` })
    renameSync(path, `${path}.aside`)
    writeFileSync(path, 'not a socket')
    await balancer.close()
    expect(existsSync(path)).to.equal(true)
  })
})
