import { once } from 'node:events'
import { expect } from 'chai'
import {
  cleanUp,
  connectTo,
  firstData,
  listenBy,
  makeBalancer,
  portOf,
  RELAYS,
  readAll,
  rejection,
  startBackend,
  until,
} from './helpers.ts'

for (const relay of RELAYS) {
  describe(`closing over the ${relay} relay`, () => {
    afterEach(cleanUp)

    async function withSession() {
      const backend = await startBackend()
      const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] }, listenBy(relay))
      await balancer.listen()
      const client = await connectTo(portOf(balancer))
      expect(await firstData(client)).to.equal('hello ')
      return { balancer, client, backend }
    }

    it('waits for sessions, which go on, and accepts nobody', async () => {
      const { balancer, client } = await withSession()
      const port = portOf(balancer)
      const closing = balancer.close()
      const late = await rejection(connectTo(port))
      expect(late).to.include({ code: 'ECONNREFUSED' })
      client.write('still here')
      expect(await firstData(client)).to.equal('still here')
      client.end()
      expect((await readAll(client)).closed).to.equal('end')
      expect(await closing).to.deep.equal({ finished: 1, cut: 0 })
    })

    it('cuts what is left after its time', async () => {
      const { balancer, client } = await withSession()
      const ended = readAll(client)
      expect(await balancer.close({ timeoutMs: 30 })).to.deep.equal({ finished: 0, cut: 1 })
      await ended
      expect(balancer.stats().counters.endShutdown).to.equal(1)
      expect(balancer.stats().pools.p?.seats).to.equal(0)
      expect(balancer.stats().fdBudget.used).to.equal(0)
    })

    it('cuts at once when told to', async () => {
      const { balancer, client } = await withSession()
      const ended = readAll(client)
      expect(await balancer.close({ timeoutMs: 0 })).to.deep.equal({ finished: 0, cut: 1 })
      await ended
    })

    it('goes on when its signal is aborted', async () => {
      const { balancer, client } = await withSession()
      const controller = new AbortController()
      const waiting = rejection(balancer.close({ signal: controller.signal }))
      controller.abort(new Error('no patience'))
      const error = await waiting
      expect(error).to.include({ name: 'AbortError', code: 'ABORT_ERR' })
      expect(error.cause).to.have.property('message', 'no patience')
      expect(balancer.status).to.equal('closing')
      client.end()
      await readAll(client)
      expect(await balancer.close()).to.deep.equal({ finished: 1, cut: 0 })
    })

    it('is hurried by destroy()', async () => {
      const { balancer, client } = await withSession()
      const ended = readAll(client)
      const closing = balancer.close({ timeoutMs: 60_000 })
      await balancer.destroy()
      expect(await closing).to.deep.equal({ finished: 0, cut: 1 })
      await ended
      expect(balancer.status).to.equal('closed')
    })

    it('cuts everything at the end of `await using`', async () => {
      const { balancer, client } = await withSession()
      const ended = readAll(client)
      await balancer[Symbol.asyncDispose]()
      await ended
      expect(balancer.stats().counters.endShutdown).to.equal(1)
    })

    it('closes the sockets of backends, too', async () => {
      const { balancer, backend } = await withSession()
      await balancer.destroy()
      await until(() => backend.sockets.size === 0)
    })
  })
}

describe('options of close()', () => {
  afterEach(cleanUp)

  for (const timeoutMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
    it(`refuses timeoutMs ${timeoutMs}, and does not close`, async () => {
      const balancer = makeBalancer()
      expect(await rejection(balancer.close({ timeoutMs })))
        .to.include({ code: 'ERR_OUT_OF_RANGE' })
        .and.be.instanceOf(RangeError)
      expect(balancer.status).to.equal('idle')
    })
  }

  it('refuses a timeoutMs that is no number', async () => {
    const balancer = makeBalancer()
    const error = await rejection(balancer.close({ timeoutMs: '5s' as unknown as number }))
    expect(error).to.include({ code: 'ERR_INVALID_ARG_TYPE' }).and.be.instanceOf(TypeError)
  })

  it('does nothing when the signal is aborted before', async () => {
    const balancer = makeBalancer()
    await balancer.listen()
    expect(await rejection(balancer.close({ signal: AbortSignal.abort() }))).to.include({ code: 'ABORT_ERR' })
    expect(balancer.status).to.equal('listening')
  })

  it('tells of the end by an event', async () => {
    const balancer = makeBalancer()
    await balancer.listen()
    const closed = once(balancer, 'close')
    await balancer.destroy()
    await closed
  })
})
