import { existsSync } from 'node:fs'
import { expect } from 'chai'
import type { BalancerOptions, ListenerOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { Conn } from '../helpers/net.ts'
import { type ManagedListenSocket, TestServiceManager } from '../helpers/service-manager.ts'
import { afterTest, cleanUp, startBackend } from '../lifecycle/helpers.ts'

/** Acceptor and relay of a listener. */
const WAYS = [
  { acceptor: 'native', relay: 'native' },
  { acceptor: 'net', relay: 'native' },
  { acceptor: 'net', relay: 'stream' },
] as const

describe('a service manager', () => {
  afterEach(cleanUp)

  async function start(listeners: ListenerOptions[], sockets: ManagedListenSocket[], watchdogMicros = 0) {
    const directory = await Directory.make()
    afterTest(() => directory[Symbol.asyncDispose]())
    const backend = await startBackend()
    const file = directory.file('limpet.yaml')
    const config = (weight = 1): BalancerOptions => ({
      listeners,
      pools: { p: { secret: 'a secret of tests', backends: [{ name: 'a', address: backend.address, weight }] } },
      shutdownTimeout: '10s',
    })
    await LimpetRun.write(file, config())
    const manager = new TestServiceManager({ sockets, notifyPath: directory.file('notify'), file, watchdogMicros })
    afterTest(() => manager[Symbol.asyncDispose]())
    return { manager, directory, file, config }
  }

  async function expectServed(conn: Conn): Promise<void> {
    await conn.send('x')
    expect((await conn.read('hello x'.length)).toString()).to.equal('hello x')
    conn.finish()
    await conn.closed
  }

  for (const way of WAYS) {
    it(`opens the sockets: a restart refuses nobody (${way.acceptor} acceptor, ${way.relay} relay)`, async () => {
      const directory = await Directory.make()
      afterTest(() => directory[Symbol.asyncDispose]())
      const path = directory.file('own.sock')
      const listener = (name: string, bind: string): ListenerOptions => ({ name, bind, pool: 'p', ...way })
      // Port 9 is not the one that the socket has: nothing is bound.
      const listeners = [listener('tcp', '127.0.0.1:9'), listener('unix', `unix:${path}`)]
      const { manager } = await start(listeners, [{ name: 'unix', path }, { name: 'tcp' }])
      const dials = [await manager.dial('tcp'), await manager.dial('unix')]

      // They wait before anybody runs.
      const early = await Promise.all(dials.map(dial => Conn.open(dial)))
      manager.start()
      await manager.tells('READY=1')
      for (const conn of early) await expectServed(conn)

      for (let round = 1; round <= 2; round++) {
        manager.signal('SIGTERM')
        expect(await manager.ended(round)).to.equal(0)
        expect(existsSync(path)).to.equal(true)
        const between = await Promise.all(dials.map(dial => Conn.open(dial)))
        manager.start()
        for (const conn of between) await expectServed(conn)
        await manager.tells('READY=1', round + 1)
      }
    })
  }

  it('is told how the service is', async () => {
    const { manager, file, config } = await start(
      [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
      [{ name: 'l' }],
      100_000,
    )
    manager.start()
    await manager.tells('READY=1')
    await manager.tells('WATCHDOG=1', 3)
    await LimpetRun.write(file, config(2))
    manager.signal('SIGHUP')
    await manager.tells('READY=1', 2)
    manager.signal('SIGTERM')
    expect(await manager.ended()).to.equal(0)
    const told = manager.told().filter(line => line !== 'WATCHDOG=1' && !line.startsWith('STATUS='))
    expect(told.map(line => line.replace(/\d{3,}/, 'N'))).to.deep.equal([
      'READY=1',
      'RELOADING=1',
      'MONOTONIC_USEC=N',
      'READY=1',
      'STOPPING=1',
    ])
    expect(manager.told()).to.include('STATUS=serving')
    expect(manager.output).to.not.include('cannot be told')
  })

  it('passes a socket of another kind: that is refused, and says which', async () => {
    const { manager } = await start([{ name: 'l', bind: 'unix:/tmp/limpet-other.sock', pool: 'p' }], [{ name: 'l' }])
    manager.start()
    expect(await manager.ended()).to.equal(1)
    expect(manager.output).to.include(
      'the listener l cannot be used: descriptor 3 is a TCP socket, not the unix socket',
    )
  })
})
