import { expect } from 'chai'
import { cleanUp, connectTo, firstData, portOf, readAll, startBackend } from '../lifecycle/helpers.ts'
import { openAdmin } from './helpers.ts'

interface Told {
  sessions: { id: string; backend: string; clientPort: number }[]
  more: boolean
}

describe('admin API: sessions', () => {
  afterEach(cleanUp)

  it('are listed, up to a limit, and closed', async () => {
    const backend = await startBackend()
    const { balancer, client } = await openAdmin({ pool: { backends: [{ name: 'a', address: backend.address }] } })
    const [one, two] = await Promise.all([connectTo(portOf(balancer)), connectTo(portOf(balancer))])
    await Promise.all([firstData(one), firstData(two)])
    const all = (await client.json('GET', '/v1/sessions?backend=a')) as Told
    expect(all.more).to.equal(false)
    expect(all.sessions.map(({ clientPort }) => clientPort)).to.have.members([one.localPort, two.localPort])
    const first = (await client.json('GET', '/v1/sessions?limit=1')) as Told
    expect([first.sessions.length, first.more]).to.deep.equal([1, true])
    expect(((await client.json('GET', '/v1/sessions?backend=b')) as Told).sessions).to.deep.equal([])
    const id = all.sessions.find(({ clientPort }) => clientPort === one.localPort)?.id
    // Before it is asked for: the end may come sooner than the answer.
    const ended = readAll(one)
    expect((await client.ask('DELETE', `/v1/sessions/${id}`)).status).to.equal(204)
    await ended
    expect(await client.refusal('DELETE', '/v1/sessions/none')).to.deep.equal([404, 'LIMPET_ERR_UNKNOWN_SESSION'])
    two.write('still there?')
    expect(await firstData(two)).to.equal('still there?')
    expect(balancer.stats().counters.endClosed).to.equal(1)
  })

  it('of a backend are closed at a pace, which can be watched and stopped', async () => {
    const backend = await startBackend()
    const { balancer, client } = await openAdmin({ pool: { backends: [{ name: 'a', address: backend.address }] } })
    const clients = await Promise.all([connectTo(portOf(balancer)), connectTo(portOf(balancer))])
    await Promise.all(clients.map(firstData))
    const slow = await client.ask('POST', '/v1/closings', { body: { backend: 'a', perSecond: 0.001, deadline: '1h' } })
    expect(slow.status).to.equal(202)
    const begun = { id: '1', cause: 'asked', backend: 'a', state: 'running', total: 2, closed: 0 }
    expect(JSON.parse(slow.text)).to.deep.include(begun)
    expect(await client.json('GET', '/v1/closings/1')).to.deep.include(begun)
    const { closings } = (await client.json('GET', '/v1/status')) as { closings: object[] }
    expect(closings).to.have.length(1)
    const stopped = (await client.ask('DELETE', '/v1/closings/1')).text
    expect(JSON.parse(stopped)).to.deep.include({ ...begun, state: 'stopped', remainingMs: 0 })
    const ended = clients.map(readAll)
    await client.ask('POST', '/v1/closings', { body: { pool: 'p', perSecond: 0 } })
    await Promise.all(ended)
    const all = (await client.json('GET', '/v1/closings')) as { closings: { id: string; state: string }[] }
    expect(all.closings.map(({ id, state }) => [id, state])).to.deep.equal([
      ['1', 'stopped'],
      ['2', 'done'],
    ])
    for (const method of ['GET', 'DELETE'])
      expect(await client.refusal(method, '/v1/closings/9')).to.deep.equal([404, 'LIMPET_ERR_UNKNOWN_CLOSING'])
  })

  it('of everybody are not closed by mistake', async () => {
    const backend = await startBackend()
    const { client } = await openAdmin({ pool: { backends: [{ name: 'a', address: backend.address }] } })
    for (const body of [{}, { perSecond: 5 }, { backend: 'a', perSecond: -1 }, { backend: 'a', deadline: 'soon' }])
      expect((await client.ask('POST', '/v1/closings', { body })).status, JSON.stringify(body)).to.equal(400)
  })
})
