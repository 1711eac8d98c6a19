import type { Socket } from 'node:net'
import { expect } from 'chai'
import { LIMITS } from '../../src/admin/limits.ts'
import { until } from '../helpers/wait.ts'
import { ask, cleanUp, firstData, portOf, startBackend } from '../lifecycle/helpers.ts'
import { type AdminClient, EventReader, openAdmin, openAdminOnTcp, TOKEN } from './helpers.ts'

const CLIENTS = 1000
const SESSIONS = 20

/** What a slow client sends, and never goes on with. */
const BEGINNINGS: Record<string, string> = {
  nothing: '',
  'half a request line': 'GET /v1/sta',
  'half of the headers': `GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n`,
  'half of a body': [
    'POST /v1/pools/p/backends HTTP/1.1',
    'Host: HOST',
    `Authorization: Bearer ${TOKEN}`,
    'Content-Type: application/json',
    'Content-Length: 1000\r\n\r\n{',
  ].join('\r\n'),
}

async function slowClients(client: AdminClient, beginning: string): Promise<Socket[]> {
  const { port } = client.dial as { port: number }
  return await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const socket = await client.connect()
      socket.resume()
      socket.write(beginning.replace('HOST', `localhost:${port}`))
      return socket
    }),
  )
}

async function medianOf(visit: () => Promise<number>): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < SESSIONS; count++) times.push(await visit())
  return times.sort((left, right) => left - right)[SESSIONS / 2] ?? 0
}

/** One Limpet with its slow clients, and sessions that go on in spite of them. */
async function outlast(what: string, beginning: string): Promise<void> {
  const backend = await startBackend()
  const pool = { backends: [{ name: 'a', address: backend.address }] }
  const { balancer, client } = await openAdminOnTcp({ pool })
  const visit = async (): Promise<number> => {
    const began = performance.now()
    expect(await ask(portOf(balancer), 'ping')).to.equal('hello ping')
    return performance.now() - began
  }
  const quiet = await medianOf(visit)
  const sockets = await slowClients(client, beginning)
  const live = (): number => sockets.filter(({ destroyed }) => !destroyed).length
  await until(`${what}: no more than the limit`, () => live() <= LIMITS.connections, live)
  const beside = await medianOf(visit)
  // Generous: the clients, the servers and the balancer are one process here.
  expect(beside, `${what}: milliseconds of a session, ${quiet} without them`).to.be.below(Math.max(500, 5 * quiet))
  expect(balancer.stats().counters, what).to.include({ accepted: 2 * SESSIONS, opened: 2 * SESSIONS })
  await until(`${what}: the end of all of them`, () => live() === 0, live)
  expect((await client.ask('GET', '/v1/status')).status, what).to.equal(200)
}

describe('admin API: many slow clients', () => {
  afterEach(cleanUp)

  it('hold up no session, and are gone by themselves', async () => {
    await Promise.all(Object.entries(BEGINNINGS).map(([what, beginning]) => outlast(what, beginning)))
  })

  it('that do not read answers are bounded by their number', async () => {
    const backend = await startBackend()
    const { balancer, client } = await openAdminOnTcp({ pool: { backends: [{ name: 'a', address: backend.address }] } })
    const { port } = client.dial as { port: number }
    const one = `GET /v1/status HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = await client.connect()
        socket.pause()
        socket.write(one.repeat(100))
        return socket
      }),
    )
    expect(await ask(portOf(balancer), 'ping')).to.equal('hello ping')
    expect((await client.ask('GET', '/livez')).status).to.equal(200)
    const reader = await EventReader.open(client)
    expect((await reader.next()).event).to.equal('hello')
    for (const socket of sockets) socket.destroy()
  })

  it('that ask without reading have answers made one at a time', async () => {
    const backends = Array.from({ length: 1000 }, (_, at) => ({ name: `b${at}`, address: '127.0.0.1:9' }))
    const { balancer, client } = await openAdmin({ pool: { backends } })
    let answers = 0
    const stats = balancer.stats.bind(balancer)
    balancer.stats = () => {
      answers++
      return stats()
    }
    const socket = await client.connect()
    socket.pause()
    socket.write('GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(500))
    await until('the first answer', () => answers > 0)
    for (let count = 0; count < 3; count++) expect((await client.ask('GET', '/livez')).status).to.equal(200)
    // As many as the system's buffers hold, which are some hundred kibibytes each.
    expect(answers).to.be.below(50)
  })

  it('that ask for many event streams at once have one, and leave none behind', async () => {
    const { client } = await openAdmin()
    for (let count = 0; count < 3; count++) {
      const socket = await client.connect()
      socket.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(LIMITS.subscribers))
      expect(await firstData(socket)).to.match(/^HTTP\/1.1 200 /)
      socket.destroy()
    }
    const isThere = async (): Promise<boolean> => {
      const { response } = await EventReader.open(client).catch(() => ({ response: undefined }))
      return response !== undefined
    }
    for (let count = 0; count < LIMITS.subscribers; count++) await until('room for an event stream', isThere)
  })

  it('get so many answers on one connection, and then a new one is needed', async () => {
    const { client } = await openAdminOnTcp()
    const { port } = client.dial as { port: number }
    const socket = await client.connect()
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    socket.write(`GET /livez HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`.repeat(LIMITS.requestsPerConnection + 1))
    await until('one answer more', () => text.includes('HTTP/1.1 503 '))
    expect(text.split('HTTP/1.1 200 OK').length - 1).to.equal(LIMITS.requestsPerConnection)
  })
})
