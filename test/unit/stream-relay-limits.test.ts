import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import net, { connect, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { FailureLog } from '../../src/affinity/failure-log.ts'
import type { PoolOptions } from '../../src/config/options.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import { createLog } from '../../src/log/log.ts'
import { PoolCore } from '../../src/pool/core.ts'
import { isConnectedToItself } from '../../src/relay/connect.ts'
import { SessionFeed } from '../../src/relay/session-feed.ts'
import { StreamRelay } from '../../src/relay/stream.ts'
import { Target } from '../../src/relay/target.ts'
import { freePort } from '../helpers/net.ts'
import { afterTest, ask, cleanUp, connectTo, portOf, readAll, startBackend, until } from '../lifecycle/helpers.ts'
import { counts, firstHomeOf, open, settled } from './stream-relay-helpers.ts'

describe('the stream relay while a backend hangs', () => {
  afterEach(cleanUp)

  it('tries the next backend after the connect timeout', async () => {
    const { port } = await startHangingBackend()
    const live = await startBackend()
    const balancer = await open({
      timeouts: { connect: 200 },
      backends: [
        { name: 'hangs', address: `127.0.0.1:${port}` },
        { name: 'live', address: live.address },
      ],
    })
    expect(await ask(portOf(balancer), 'x', firstHomeOf(balancer, 'hangs'))).to.equal('hello x')
    expect(counts(balancer)).to.include({ connectTimeout: 1, opened: 1 })
  })

  it('keeps what the client sends meanwhile', async () => {
    const { port, child } = await startHangingBackend()
    const balancer = await open({
      backends: [{ name: 'hangs', address: `127.0.0.1:${port}` }],
      timeouts: { connect: '20s' },
    })
    const client = await connectTo(portOf(balancer))
    const bytes = Buffer.alloc(1_000_000, 'early')
    client.end(bytes)
    await until(() => balancer.stats().sessions === 1)
    child.kill('SIGCONT')
    const { text } = await readAll(client)
    expect(text).to.equal(bytes.toString())
  })

  it('lets a client go that leaves by a reset, and blames nobody', async () => {
    const { port } = await startHangingBackend()
    const balancer = await open({
      backends: [{ name: 'hangs', address: `127.0.0.1:${port}` }],
      timeouts: { connect: '20s' },
    })
    const client = await connectTo(portOf(balancer))
    await until(() => balancer.stats().sessions === 1)
    client.resetAndDestroy()
    await settled(balancer)
    expect(counts(balancer)).to.deep.equal({ accepted: 1, endClientGone: 1 })
    expect(balancer.pool().backends()[0]?.connectFailures).to.equal(0)
    expect(balancer.pool().explain('127.0.0.1').pin).to.equal(undefined)
  })
})

describe('the stream relay and limits of the process', () => {
  afterEach(cleanUp)

  function relayWith(take: boolean, pool: PoolOptions = {}): { relay: StreamRelay; target: Target; given: number[] } {
    const given: number[] = []
    const fdBudget = { init: () => 0, take: () => take, give: (count: number) => given.push(count), used: 0, limit: 0 }
    const settings = resolveOptions({ pools: { p: { stickTable: 'off', ...pool } } }).pools.get('p')
    if (settings === undefined) throw new Error('there is no pool p')
    return {
      relay: new StreamRelay({
        feed: new SessionFeed(undefined),
        fdBudget,
        failures: new FailureLog(createLog('silent')),
        passOn: () => false,
      }),
      target: new Target({ listener: 'l', pool: new PoolCore(settings), session: settings, maxSessions: 0 }),
      given,
    }
  }

  async function acceptedSocket(): Promise<Socket> {
    const server = await startBackend(() => undefined)
    await connectTo(server.port)
    await until(() => server.sockets.size === 1)
    const [socket] = server.sockets
    if (socket === undefined) throw new Error('nobody was accepted')
    return socket
  }

  it('closes and counts clients past the budget of descriptors', async () => {
    const { relay, target, given } = relayWith(false)
    const socket = await acceptedSocket()
    expect(relay.serve(target, socket, () => 0)).to.equal(false)
    expect(socket.destroyed).to.equal(true)
    expect(relay.counts).to.include({ accepted: 1, refusedFdBudget: 1 })
    expect(given).to.deep.equal([])
  })

  it('gives its descriptors back when there was no backend', async () => {
    const { relay, target, given } = relayWith(true)
    relay.serve(target, await acceptedSocket(), () => 0)
    expect(relay.counts).to.include({ accepted: 1, refusedNoBackend: 1 })
    expect([given, relay.sessions, target.streamSessions]).to.deep.equal([[2], 0, 0])
  })

  for (const [code, connectFailures] of [
    ['EMFILE', 0],
    ['EADDRNOTAVAIL', 0],
    ['ECONNREFUSED', 1],
  ] as const) {
    it(`counts ${connectFailures} failures of the backend when its last connect fails with ${code}`, async () => {
      const { relay, target } = relayWith(true, { retries: 0, backends: [{ name: 'a', address: '127.0.0.1:9' }] })
      const socket = await acceptedSocket()
      failConnects(code)
      relay.serve(target, socket, () => 0)
      await until(() => relay.sessions === 0)
      expect(relay.counts).to.include({ accepted: 1, refusedNoBackend: 1 })
      expect(target.pool.figures()('a')).to.include({ sessions: 0, connectFailures })
    })
  }

  it('drops clients that were reset before they were served', async () => {
    const { relay, target } = relayWith(true)
    const socket = await acceptedSocket()
    socket.destroy()
    expect(relay.serve(target, socket, () => 0)).to.equal(false)
    expect(relay.counts).to.include({ accepted: 1, refusedNoAddress: 1 })
  })

  it('sees a socket that is connected to itself', async () => {
    const port = await freePort()
    const self = connect({ port, host: '127.0.0.1', localPort: port, localAddress: '127.0.0.1' })
    afterTest(() => self.destroy())
    await once(self, 'connect')
    expect(isConnectedToItself(self)).to.equal(true)
    const other = await acceptedSocket()
    expect(isConnectedToItself(other)).to.equal(false)
  })
})

/** Until the end of the test every connect fails. */
function failConnects(code: string): void {
  const real = net.connect
  afterTest(() => {
    net.connect = real
    syncBuiltinESMExports()
  })
  net.connect = (): Socket => {
    const socket = new Socket()
    process.nextTick(() => socket.destroy(Object.assign(new Error(code), { code })))
    return socket
  }
  syncBuiltinESMExports()
}

/** A backend that is stopped with a full queue: connects hang. */
async function startHangingBackend(): Promise<{ port: number; child: ChildProcess }> {
  const child = fork(new URL('../lifecycle/fixtures/stopped.mjs', import.meta.url))
  afterTest(() => child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  child.kill('SIGSTOP')
  for (let isFull = false; !isFull; ) {
    const filler = connect({ port, host: '127.0.0.1' })
    filler.on('error', () => filler.destroy())
    afterTest(() => filler.destroy())
    isFull = await Promise.race([once(filler, 'connect').then(() => false), sleep(300, true)])
  }
  return { port, child }
}
