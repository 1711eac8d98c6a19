import { execFile } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { SessionClosed, SessionOpened } from '../../src/relay/session-feed.ts'
import { compiled } from '../helpers/typescript/compiled.ts'
import { steady } from '../helpers/wait.ts'
import {
  afterTest,
  ask,
  cleanUp,
  connectTo,
  firstData,
  listenBy,
  makeBalancer,
  portOf,
  RELAYS,
  readAll,
  startBackend,
  until,
} from './helpers.ts'

function subscribe<Message>(name: string): Message[] {
  const messages: Message[] = []
  const onMessage = (message: unknown): unknown => messages.push(message as Message)
  channel(name).subscribe(onMessage)
  afterTest(() => channel(name).unsubscribe(onMessage))
  return messages
}

for (const relay of RELAYS) {
  describe(`diagnostics channels of the ${relay} relay`, () => {
    afterEach(cleanUp)

    it('name the backend that a session had, also when its place has a new owner', async () => {
      const closed = subscribe<SessionClosed>('limpet:session:close')
      const backend = await startBackend()
      const balancer = makeBalancer({ backends: [{ name: 'old', address: backend.address }] }, listenBy(relay))
      await balancer.listen()
      expect(await ask(portOf(balancer), 'x')).to.equal('hello x')
      await until(() => balancer.stats().sessions === 0)
      // In the turn in which the session is seen to have ended: its record may still wait to be read.
      balancer.pool().remove('old')
      balancer.pool().add({ name: 'new', address: backend.address })
      balancer.pool().add({ name: 'newer', address: backend.address })
      await until(() => closed.length === 1)
      expect(closed[0]?.backend).to.equal('old')
    })

    it('tell of every session, its beginning and its end', async () => {
      const opened = subscribe<SessionOpened>('limpet:session:open')
      const closed = subscribe<SessionClosed>('limpet:session:close')
      const backend = await startBackend()
      const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listenBy(relay))
      await balancer.listen()
      const client = await connectTo(portOf(balancer), '127.0.0.9')
      await firstData(client)
      await until(() => opened.length === 1)
      expect(closed).to.have.length(0)
      const { id, time, connectMs, ...facts } = opened[0] as SessionOpened
      expect(facts).to.deep.equal({
        relay,
        listener: 'l',
        pool: 'p',
        clientAddress: '127.0.0.9',
        clientPort: client.localPort,
        backend: 'a',
        reason: 'home',
      })
      expect(Math.abs(Date.now() - time)).to.be.below(10_000)
      expect(connectMs).to.be.within(0, 10_000)
      client.end('four')
      await readAll(client)
      await until(() => closed.length === 1)
      const { durationMs, ...end } = closed[0] as SessionClosed
      expect(end).to.deep.equal({
        ...facts,
        id,
        connectMs,
        time: end.time,
        cause: 'endFinished',
        bytesToBackend: 4,
        bytesToClient: 10,
      })
      expect(end.time).to.be.at.least(time)
      expect(durationMs).to.be.within(0, 10_000)
    })

    it('tell of sessions that were cut, before close() has ended', async () => {
      const closed = subscribe<SessionClosed>('limpet:session:close')
      const backend = await startBackend()
      const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listenBy(relay))
      await balancer.listen()
      const clients = await Promise.all(Array.from({ length: 30 }, () => connectTo(portOf(balancer))))
      await Promise.all(clients.map(firstData))
      await balancer.close({ timeoutMs: 0 })
      expect(closed.map(({ cause }) => cause)).to.deep.equal(Array.from({ length: 30 }, () => 'endShutdown'))
      expect(new Set(closed.map(({ id }) => id)).size).to.equal(30)
    })

    it('tell of clients that found no backend', async () => {
      const opened = subscribe<SessionOpened>('limpet:session:open')
      const closed = subscribe<SessionClosed>('limpet:session:close')
      const balancer = makeBalancer({}, listenBy(relay))
      await balancer.listen()
      await readAll(await connectTo(portOf(balancer)))
      await until(() => closed.length === 1)
      expect(closed[0]).to.include({ cause: 'refusedNoBackend', backend: undefined, reason: undefined, connectMs: 0 })
      expect(opened).to.deep.equal([])
    })

    it('let a subscriber that throws harm nobody but itself', async () => {
      const failures: unknown[] = []
      const listeners = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.on('uncaughtException', error => failures.push(error.message))
      afterTest(() => {
        process.removeAllListeners('uncaughtException')
        for (const listener of listeners) process.on('uncaughtException', listener)
      })
      const bad = (): never => {
        throw new Error('a bad subscriber')
      }
      channel('limpet:session:open').subscribe(bad)
      afterTest(() => channel('limpet:session:open').unsubscribe(bad))
      const closed = subscribe<SessionClosed>('limpet:session:close')
      const backend = await startBackend()
      const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listenBy(relay))
      await balancer.listen()
      for (let turn = 0; turn < 3; turn++) expect(await ask(portOf(balancer), 'x')).to.equal('hello x')
      await until(() => closed.length === 3 && failures.length === 3)
      expect(failures).to.deep.equal(['a bad subscriber', 'a bad subscriber', 'a bad subscriber'])
    })

    it('cost nothing when nobody listens: no record is written', async () => {
      const backend = await startBackend()
      const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listenBy(relay))
      await balancer.listen()
      await ask(portOf(balancer), 'x')
      const closed = subscribe<SessionClosed>('limpet:session:close')
      await ask(portOf(balancer), 'y')
      await balancer.close()
      expect(closed).to.have.length(1)
    })

    it('do not tell of sessions that were accepted before', async () => {
      const backend = await startBackend()
      const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listenBy(relay))
      await balancer.listen()
      const client = await connectTo(portOf(balancer))
      await firstData(client)
      const closed = subscribe<SessionClosed>('limpet:session:close')
      client.end()
      await readAll(client)
      await balancer.close()
      expect(closed).to.deep.equal([])
    })

    it('count the bytes that were passed on, not those that came', async () => {
      const closed = subscribe<SessionClosed>('limpet:session:close')
      const backend = await startBackend(socket => socket.pause())
      const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listenBy(relay))
      await balancer.listen()
      const client = await connectTo(portOf(balancer))
      client.write(Buffer.alloc(64 << 20))
      await steady('the bytes', () => balancer.stats().counters.bytesToBackend)
      await balancer.destroy()
      const [socket] = backend.sockets
      const { bytes } = await readAll(socket as Socket)
      expect(bytes).to.be.greaterThan(0)
      // What was on its way through the system is cut off with the session.
      expect(closed[0]?.bytesToBackend).to.be.within(bytes, (64 << 20) - 1)
      expect(balancer.stats().counters.bytesToBackend).to.equal(closed[0]?.bytesToBackend)
    })

    it('have a log that writes a line for every session', async () => {
      const backend = await startBackend()
      const fixture = compiled(new URL('./fixtures/session-log.mjs', import.meta.url))
      const { stdout } = await promisify(execFile)(process.execPath, [fixture, backend.address, relay])
      const lines = stdout.trim().split('\n')
      expect(lines).to.have.length(1)
      const { time, id, connectMs, durationMs, clientPort, ...line } = JSON.parse(lines[0] ?? '')
      expect(line).to.deep.equal({
        level: 'info',
        relay,
        listener: 'l',
        pool: 'p',
        clientAddress: '127.0.0.1',
        backend: 'a',
        reason: 'home',
        cause: 'endFinished',
        bytesToBackend: 1,
        bytesToClient: 7,
        msg: 'session',
      })
      expect(Date.parse(time)).to.be.greaterThan(0)
      expect([typeof id, typeof connectMs, typeof durationMs, typeof clientPort]).to.deep.equal([
        'string',
        'number',
        'number',
        'number',
      ])
    })
  })
}

describe('clients of unix sockets', () => {
  afterEach(cleanUp)

  for (const relay of RELAYS) {
    it(`have no address, and go to the least loaded backend (${relay})`, async () => {
      const closed = subscribe<SessionClosed>('limpet:session:close')
      const backend = await startBackend()
      const directory = mkdtempSync(join(tmpdir(), 'limpet-'))
      afterTest(() => rmSync(directory, { recursive: true, force: true }))
      const path = join(directory, 'u.sock')
      const balancer = makeBalancer(
        { backends: [{ name: 'a', address: backend.address }] },
        { listeners: [{ name: 'u', bind: `unix:${path}`, pool: 'p', relay }] },
      )
      await balancer.listen()
      const client = connect({ path })
      await once(client, 'connect')
      client.end('x')
      expect((await readAll(client)).text).to.equal('hello x')
      await until(() => closed.length === 1)
      expect(closed[0]).to.include({
        listener: 'u',
        clientAddress: undefined,
        clientPort: undefined,
        reason: 'nokey',
        cause: 'endFinished',
      })
    })
  }
})
