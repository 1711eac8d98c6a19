import { expect } from 'chai'
import { LIMITS } from '../../src/admin/limits.ts'
import { LOG_DATA } from '../../src/admin/schemas.ts'
import { until } from '../helpers/wait.ts'
import { ask, cleanUp, listenBy, portOf, startBackend } from '../lifecycle/helpers.ts'
import { EventReader, openAdmin } from './helpers.ts'

describe('admin API: the log of sessions', () => {
  afterEach(cleanUp)

  for (const relay of ['native', 'stream'] as const) {
    const open = async () => {
      const server = await startBackend(socket => socket.resume().end('hello'))
      const backends = [{ name: 'a', address: `127.0.0.1:${server.port}` }]
      return await openAdmin({
        pool: { backends },
        options: listenBy(relay),
      })
    }

    it(`tells readers of every session that ends, while they read (${relay} relay)`, async () => {
      const { balancer, client } = await open()
      await ask(portOf(balancer), 'before')
      const readers = [await EventReader.open(client, '/v1/log'), await EventReader.open(client, '/v1/log?backend=a')]
      for (const reader of readers) expect(await reader.next()).to.deep.equal({ event: 'hello', id: 0, data: {} })
      expect(await ask(portOf(balancer), 'question', '127.0.0.9')).to.equal('hello')
      for (const reader of readers) {
        const { event, id, data } = await reader.next()
        expect([event, id]).to.deep.equal(['session', 1])
        expect(LOG_DATA.session.parse(data)).to.deep.include({
          relay,
          listener: 'l',
          pool: 'p',
          clientAddress: '127.0.0.9',
          backend: 'a',
          cause: 'endFinished',
          bytesToBackend: 8,
          bytesToClient: 5,
        })
        reader.response.destroy()
      }
    })
  }

  it('takes a share, and refuses what is none', async () => {
    const { client } = await openAdmin()
    for (const query of ['share=0', 'share=1.1', 'share=x', 'share=-1', 'share=1e-1']) {
      expect(await client.refusal('GET', `/v1/log?${query}`), query).to.deep.equal([400, 'LIMPET_ERR_ADMIN_REQUEST'])
    }
    expect(await client.refusal('GET', '/v1/log?pool=q')).to.deep.equal([404, 'LIMPET_ERR_UNKNOWN_POOL'])
    expect(await client.refusal('GET', '/v1/log?listener=q')).to.deep.equal([404, 'LIMPET_ERR_UNKNOWN_LISTENER'])
    const reader = await EventReader.open(client, '/v1/log?share=0.5')
    expect((await reader.next()).event).to.equal('hello')
  })

  it('has so many readers at one time, and room again when one leaves', async () => {
    const { client } = await openAdmin()
    const readers: EventReader[] = []
    for (let n = 0; n < LIMITS.logReaders; n++) readers.push(await EventReader.open(client, '/v1/log'))
    expect(await client.refusal('GET', '/v1/log')).to.deep.equal([503, 'LIMPET_ERR_ADMIN_BUSY'])
    readers[0]?.response.destroy()
    await until('a reader to be let in', async () => {
      const reader = await EventReader.open(client, '/v1/log').catch(() => undefined)
      return reader !== undefined
    })
  })
})
