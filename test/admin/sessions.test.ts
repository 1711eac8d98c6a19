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
})
