import { once } from 'node:events'
import { expect } from 'chai'
import { EVENTS } from '../../src/admin/event-feed.ts'
import { LIMITS } from '../../src/admin/limits.ts'
import { EVENT_DATA } from '../../src/admin/schemas.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import { until, within } from '../helpers/wait.ts'
import { cleanUp, startBackend, stopServer } from '../lifecycle/helpers.ts'
import { EventReader, openAdmin, type ServerSent } from './helpers.ts'

const ADDRESS = '127.0.0.1:11'
/** The least that an event of a change has. */
const EVENT_BYTES = 120

function expectValid({ event, data }: ServerSent): void {
  const { success, error } = EVENT_DATA[event as keyof typeof EVENT_DATA].safeParse(data)
  expect(success, `${event}: ${error?.message}`).to.equal(true)
}

describe('admin API: events', () => {
  afterEach(cleanUp)

  it('are all described', () => {
    expect(Object.keys(EVENT_DATA)).to.have.members(['hello', ...EVENTS])
  })

  it('tell every reader what changes, in order', async () => {
    const { balancer, client } = await openAdmin()
    const readers = [await EventReader.open(client), await EventReader.open(client)]
    for (const reader of readers) {
      expect(reader.response.headers['content-type']).to.equal('text/event-stream')
      expect(await reader.next()).to.deep.equal({ event: 'hello', id: 0, data: { generation: 1, missed: false } })
    }
    balancer.pool().add({ name: 'c', address: ADDRESS })
    await client.json('PATCH', '/v1/pools/p/backends/c', { body: { weight: 7 } })
    await client.ask('DELETE', '/v1/pools/p/backends/c')
    const { listeners, admin } = balancer.settings()
    const again = resolveOptions({
      listeners: listeners as never,
      pools: {
        p: { secret: 'a secret of tests', stickTable: { size: 1000 }, backends: [{ name: 'z', address: ADDRESS }] },
      },
      log: { level: 'silent' },
      admin: admin as never,
    })
    await balancer.reload(again)
    const expected = ['backendAdded', 'backendUpdated', 'backendRemoved', 'backendRemoved', 'backendRemoved']
    for (const reader of readers) {
      const told: ServerSent[] = []
      while (told.at(-1)?.event !== 'reloaded') told.push(await reader.next())
      expect(told.map(({ id }) => id)).to.deep.equal(told.map((_, at) => at + 1))
      // What each has moved is told a moment later.
      const changes = told.filter(({ event }) => event !== 'clientsMoved')
      expect(changes.map(({ event }) => event)).to.deep.equal([...expected, 'backendAdded', 'reloaded'])
      expect(changes[1]?.data).to.deep.equal({
        ...{ pool: 'p', name: 'c', address: ADDRESS },
        ...{ weight: 7, maxSessions: 0, backup: false, state: 'ready' },
      })
      for (const one of told) expectValid(one)
    }
  })

  it('tell what changes have moved, a moment after them', async () => {
    const { balancer, client } = await openAdmin()
    const reader = await EventReader.open(client)
    balancer.pool().remove('b')
    const told: ServerSent[] = []
    while (told.at(-1)?.event !== 'clientsMoved') told.push(await reader.next())
    expect(told.map(({ event }) => event)).to.deep.equal(['hello', 'backendRemoved', 'clientsMoved'])
    for (const one of told) expectValid(one)
    // b has two thirds of the weight.
    expect(told[2]?.data)
      .to.have.property('homesMoved')
      .that.is.closeTo(2 / 3, 0.02)
  })

  it('tell of health', async () => {
    const { address, server, sockets } = await startBackend()
    const health = { interval: '20ms', fastInterval: '10ms', fall: 1 }
    const { client } = await openAdmin({ pool: { health, backends: [{ name: 'a', address }] } })
    const reader = await EventReader.open(client)
    expect((await reader.next()).event).to.equal('hello')
    await stopServer(server, sockets)
    const told: ServerSent[] = []
    // At the start it may be told as up.
    while (told.at(-1)?.event !== 'backendDown') told.push(await reader.next())
    for (const one of told) expectValid(one)
  })

  it('end with the balancer', async () => {
    const { balancer, client } = await openAdmin()
    const { response } = await EventReader.open(client)
    const ended = once(response, 'close')
    await balancer.close()
    await within('the end of the stream', ended)
  })

  it('are for so many readers at one time, and leave room for questions', async () => {
    const { client } = await openAdmin()
    const readers: EventReader[] = []
    for (let count = 0; count < LIMITS.subscribers; count++) readers.push(await EventReader.open(client))
    expect(await client.refusal('GET', '/v1/events')).to.deep.equal([503, 'LIMPET_ERR_ADMIN_BUSY'])
    expect((await client.ask('GET', '/v1/pools')).status).to.equal(200)
    readers[0]?.response.destroy()
    await until('a place', async () => {
      const sent = client.send('GET', '/v1/events')
      const [response] = await once(sent, 'response')
      sent.destroy()
      return response.statusCode === 200
    })
  })

  it('go on after the last one of a reader that comes back, as far as they are kept', async () => {
    const { balancer, client } = await openAdmin()
    const first = await EventReader.open(client)
    for (let maxSessions = 1; maxSessions <= 5; maxSessions++) balancer.pool().update('a', { maxSessions })
    expect((await first.next()).event).to.equal('hello')
    const helloId = first.lastId.replace(/\d+$/, '0')
    await first.next()
    await first.next()
    const twoId = first.lastId.replace(/\d+$/, '2')
    first.response.destroy()
    balancer.pool().update('a', { maxSessions: 6 })

    const again = await EventReader.open(client, '/v1/events', twoId)
    expect(await again.next()).to.deep.equal({ event: 'hello', id: 2, data: { generation: 7, missed: false } })
    for (let id = 3; id <= 6; id++) {
      const { event, data, id: told } = await again.next()
      expect([event, told, (data as { maxSessions: number }).maxSessions]).to.deep.equal(['backendUpdated', id, id])
    }
    const fromTheBeginning = await EventReader.open(client, '/v1/events', helloId)
    expect((await fromTheBeginning.next()).data).to.include({ missed: false })
    expect((await fromTheBeginning.next()).id).to.equal(1)

    const strange = ['00000000-2', twoId.replace(/\d+$/, '7'), 'nonsense', `${twoId}0000000000000000`]
    for (const lastId of strange) {
      const reader = await EventReader.open(client, '/v1/events', lastId)
      expect(await reader.next(), lastId).to.deep.equal({
        event: 'hello',
        id: 6,
        data: { generation: 7, missed: true },
      })
      reader.response.destroy()
    }
  })

  it('of a change of many backends reach who reads, however many they are', async () => {
    const { balancer, client } = await openAdmin()
    const reader = await EventReader.open(client)
    expect((await reader.next()).event).to.equal('hello')
    // Far more at once than the system holds for a reader.
    const count = Math.floor(LIMITS.events / (2 * EVENT_BYTES))
    for (let at = 0; at < count; at++) balancer.pool().update('a', { maxSessions: at % 1000 })
    for (let at = 1; at <= count; at++) expect((await reader.next()).id).to.equal(at)
  })

  it('are kept for a reader that does not read up to a bound; then it is cut, and the others get all', async () => {
    const { balancer, client } = await openAdmin()
    const [stalled, good] = [await EventReader.open(client), await EventReader.open(client)]
    expect([(await stalled.next()).event, (await good.next()).event]).to.deep.equal(['hello', 'hello'])
    stalled.response.pause()
    // The system holds some 200 KiB for it as well, and the reader's own buffers are small.
    const enough = Math.ceil((1.5 * LIMITS.events) / EVENT_BYTES)
    for (let told = 0; told < enough; ) {
      const batch = told + 500
      for (let count = told; count < batch; count++) balancer.pool().update('a', { maxSessions: count % 1000 })
      while (told < batch) expect((await good.next()).id).to.equal(++told)
    }
    expect((await client.ask('GET', '/livez')).status).to.equal(200)
    const closed = within('the end of the stream', new Promise(resolve => stalled.response.once('close', resolve)))
    stalled.response.resume()
    await closed
    expect(stalled.response.complete, 'it was told that all is there').to.equal(false)
    balancer.pool().update('a', { maxSessions: 1 })
    expect((await good.next()).event).to.equal('backendUpdated')
  })
})
