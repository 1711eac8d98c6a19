import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect } from 'chai'
import type { Served } from '../../src/index.ts'
import { patternSum } from '../helpers/hash.ts'
import { Conn } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, echo, idle } from '../helpers/servers.ts'
import { within } from '../helpers/wait.ts'

const BYTES = 1024 * 1024

/** A server of a user, whose sockets go to the balancer; `served` tells how. */
class OwnServer implements AsyncDisposable {
  readonly served: Served[] = []
  readonly #server

  constructor(rig: Rig, before: (socket: Socket) => Promise<void> | void, pauseOnConnect: boolean) {
    this.#server = createServer({ pauseOnConnect }, socket => {
      void Promise.resolve(before(socket)).then(() => this.served.push(rig.balancer.handle(socket, { listener: 'l' })))
    })
  }

  async connect(): Promise<Conn> {
    if (!this.#server.listening) await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return await Conn.open({ host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    await within('the server to close', once(this.#server, 'close'))
  }
}

forEachRelay('sockets of another server', pair => {
  it('are served with half-close, although their server did not ask for it', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    await using own = new OwnServer(rig, () => undefined, true)
    const client = await own.connect()
    await client.send('question')
    client.finish()
    const server = await backend.next()
    await server.drain()
    expect(server.received.bytes).to.equal(8)
    const [back] = await Promise.all([client.drain(), server.sendPattern(1, BYTES).then(() => server.finish())])
    expect(back).to.equal(patternSum(1, BYTES))
    expect(own.served).to.deep.equal([pair.relay])
    expect(await rig.causes(1)).to.deep.equal(['endFinished'])
  })

  it('keep the bytes that were read before', async () => {
    await using backend = await Backend.start({ serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend] })
    // A server without pauseOnConnect has read what was there; nobody has looked at it.
    const peek = async (socket: Socket): Promise<void> => {
      await once(socket, 'readable')
      socket.removeAllListeners('readable')
    }
    await using own = new OwnServer(rig, peek, false)
    const client = await own.connect()
    const [back] = await Promise.all([client.drain(), client.sendPattern(2, BYTES).then(() => client.finish())])
    expect(back).to.equal(patternSum(2, BYTES))
    expect(own.served).to.deep.equal([pair.relay])
    expect(await rig.causes(1)).to.deep.equal(['endFinished'])
    expect(rig.counters).to.include({ bytesToBackend: BYTES, bytesToClient: BYTES })
  })
})
