import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, Server } from 'node:net'
import { expect } from 'chai'
import { NetAcceptor } from '../../src/acceptor/net-acceptor.ts'
import type { Balancer } from '../../src/balancer.ts'
import type { ListenerOptions } from '../../src/config/options.ts'
import { freePort } from '../helpers/net.ts'
import { compiled } from '../helpers/typescript/compiled.ts'
import { afterTest, cleanUp, makeBalancer, plainListener, rejection, startBackend } from './helpers.ts'

/** Steps of an opening after which it is disturbed: more than it has. */
const STEPS = 40

/** Each way to disturb an opening; resolves when nothing may be bound any more. */
const WAYS: Record<string, (balancer: Balancer, controller: AbortController, opening: Promise<unknown>) => unknown> = {
  abort: (_balancer, controller, opening) => {
    controller.abort()
    return opening
  },
  close: balancer => balancer.close(),
  destroy: balancer => balancer.destroy(),
}

function listenOn(...binds: ListenerOptions['bind'][]): { listeners: ListenerOptions[] } {
  return { listeners: binds.map((bind, index) => ({ name: `l${index}`, bind, pool: 'p' })) }
}

async function disturbed(balancer: Balancer, way: keyof typeof WAYS, steps: number): Promise<'opened' | 'rejected'> {
  const controller = new AbortController()
  const opening = balancer.listen({ signal: controller.signal }).then(
    () => 'opened' as const,
    () => 'rejected' as const,
  )
  for (let step = 0; step < steps; step++) await Promise.resolve()
  await WAYS[way]?.(balancer, controller, opening)
  return await opening
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    // The error of the bind.
    return false
  }
}

describe('an opening that is disturbed', () => {
  afterEach(cleanUp)

  for (const way of Object.keys(WAYS)) {
    it(`leaves nothing bound: ${way}, after any number of steps`, async () => {
      const port = await freePort()
      for (let steps = 0; steps < STEPS; steps++) {
        const balancer = makeBalancer({}, listenOn(`127.0.0.1:${port}`))
        const outcome = await disturbed(balancer, way, steps)
        if (way !== 'abort' || outcome === 'rejected') expect(await isFree(port), `${steps} steps`).to.equal(true)
        if (way === 'abort' && outcome === 'rejected') await balancer.listen()
        await balancer.destroy()
      }
    })

    // What nobody handles fails the test that runs.
    it(`leaves no error unhandled: ${way}, after any number of steps`, async () => {
      const { port } = await startBackend()
      for (let steps = 0; steps < STEPS; steps++) {
        const balancer = makeBalancer({}, listenOn(`127.0.0.1:${port}`, 'localhost:0'))
        expect(await disturbed(balancer, way, steps)).to.equal('rejected')
        await balancer.destroy()
      }
    })
  }

  it('leaves nothing bound in the worker of a cluster, where a bind is a question to the primary', async () => {
    const backend = await startBackend()
    const port = await freePort()
    const child = fork(compiled(new URL('./fixtures/cluster-abort.mjs', import.meta.url)), [
      backend.address,
      String(port),
    ])
    afterTest(() => child.kill('SIGKILL'))
    const exit = once(child, 'exit')
    const [message] = await once(child, 'message')
    expect(message).to.deep.equal({ aborted: ['ABORT_ERR', 'idle'], answer: 'hello x' })
    expect(await exit).to.deep.equal([0, null])
  })
})

describe('listeners', () => {
  afterEach(cleanUp)

  const settings = plainListener()
  const serve = (): never => expect.fail('a client was served')

  it('are not bound before every name is known', async () => {
    const { listen } = Server.prototype
    let binds = 0
    Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
      binds++
      return listen.apply(this, args as Parameters<typeof listen>)
    }
    afterTest(() => {
      Server.prototype.listen = listen
    })
    const named = makeBalancer({}, listenOn('127.0.0.1:0', 'no-such-host.invalid:0'))
    expect(await rejection(named.listen())).to.include({ syscall: 'getaddrinfo', listener: 'l1' })
    const pool = { backends: [{ name: 'a', address: 'no-such-host.invalid:80' }] }
    expect(await rejection(makeBalancer(pool).listen())).to.include({ syscall: 'getaddrinfo' })
    expect(binds).to.equal(0)
  })

  it('tell what goes wrong from the moment they are open', async () => {
    const failures: string[] = []
    const acceptor = new NetAcceptor(settings, { serve, failed: error => failures.push(error.message) })
    afterTest(() => acceptor.close())
    acceptor.server.once('listening', () => acceptor.server.emit('error', new Error('accept EMFILE')))
    await acceptor.listen()
    acceptor.server.emit('error', new Error('accept ENFILE'))
    expect(failures).to.deep.equal(['accept EMFILE', 'accept ENFILE'])
  })

  it('are closed when close() resolves, in the middle of a bind', async () => {
    const acceptor = new NetAcceptor(settings, { serve, failed: error => expect.fail(error.message) })
    const opening = acceptor.listen()
    await acceptor.close()
    expect(acceptor.server.listening).to.equal(false)
    await opening
    expect(acceptor.server.listening).to.equal(false)
  })
})
