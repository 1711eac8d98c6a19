import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { clientHello } from '../../src/bench/keys/heads.ts'
import type { AffinityOptions } from '../../src/index.ts'
import { clientAddress } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, type Serve } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'
import { serverHello, sessionIdOf } from './answers.ts'

const NAMES = ['a', 'b', 'c']
const SESSION_BYTES = 32
const HEADER_BYTES = 5

/** What a client sees of a handshake. */
interface Visit {
  backend: string
  session: Buffer
}

/** How a server answers. */
interface Answering {
  isTls13?: boolean
  /** Bytes that it sends at a time. */
  part?: number
}

/** The first two messages of TLS: a session that the server knows goes on, any other begins anew. Its name is its random number. */
function handshakes({ isTls13 = false, part = Number.POSITIVE_INFINITY }: Answering): Serve {
  const known = new Set<string>()
  return async (conn, { name }) => {
    const header = await conn.read(HEADER_BYTES)
    if (header.length < HEADER_BYTES) return
    const hello = Buffer.concat([header, await conn.read(header.readUInt16BE(3))])
    const offered = sessionIdOf(hello)
    const session = isTls13 || known.has(offered.toString('hex')) ? offered : randomBytes(SESSION_BYTES)
    known.add(session.toString('hex'))
    const answer = Buffer.concat([serverHello(session, { random: name, isTls13 }), Buffer.alloc(3000, 'certificate')])
    const first = answer.subarray(0, 200)
    for (let at = 0; at < first.length; at += part) await conn.send(first.subarray(at, at + part))
    await conn.send(answer.subarray(first.length))
    conn.socket.once('end', () => conn.finish()).resume()
  }
}

forEachRelay('sessions of TLS that backends name', pair => {
  let backends: Backend[] = []

  const open = async (affinity: AffinityOptions, answering: Answering = {}): Promise<Rig> => {
    backends = await Promise.all(NAMES.map(name => Backend.start({ name, serve: handshakes(answering) })))
    const pool = { affinity, boundedLoad: 'off' as const }
    return await Rig.open(pair, { backends, pool, listener: { peek: { timeout: '60s' } } })
  }
  afterEach(async () => {
    await Promise.all(backends.map(backend => backend[Symbol.asyncDispose]()))
  })

  async function visit(rig: Rig, session: Buffer, from = '127.0.0.1', serverName = 'x.example'): Promise<Visit> {
    const client = await rig.connect({ localAddress: from })
    await client.send(clientHello({ session, serverName }))
    const header = await client.read(HEADER_BYTES)
    const hello = Buffer.concat([header, await client.read(header.readUInt16BE(3))])
    expect((await client.read(3000)).equals(Buffer.alloc(3000, 'certificate'))).to.equal(true)
    client.destroy()
    return { backend: hello.toString('latin1', 11, 12), session: sessionIdOf(hello) }
  }

  const FRESH = Buffer.alloc(0)
  const homeOf = (rig: Rig, key: string | Buffer): string | undefined => rig.balancer.pool().explain(key).home
  const pinOf = (rig: Rig, key: string | Buffer): string | undefined => rig.balancer.pool().explain(key).pin?.backend
  /** Addresses that are at home at every backend. */
  const addresses = Array.from({ length: 12 }, (_, at) => clientAddress(at + 1))

  it('bring clients back, whatever their addresses, with the counters to tell', async () => {
    await using rig = await open({ key: 'tls.sessionId' })
    expect(new Set(addresses.map(address => homeOf(rig, address))).size).to.equal(NAMES.length)
    const first = await visit(rig, FRESH)
    expect(first.backend).to.equal(homeOf(rig, '127.0.0.1'))
    for (const address of addresses) expect(await visit(rig, first.session, address)).to.deep.equal(first)
    expect(pinOf(rig, first.session)).to.equal(first.backend)
    expect(rig.counters.keyFound).to.equal(addresses.length)
    expect(rig.counters.keyMissing).to.equal(1)
    // They were never served by their addresses.
    expect(addresses.map(address => pinOf(rig, address))).to.deep.equal(addresses.map(() => undefined))
  })

  it('are many, and each one has its own backend', async () => {
    await using rig = await open({ key: 'tls.sessionId', fallback: 'random' })
    const sessions: Visit[] = []
    for (const address of addresses) sessions.push(await visit(rig, FRESH, address))
    expect(new Set(sessions.map(({ session }) => session.toString('hex'))).size).to.equal(addresses.length)
    for (const before of sessions) expect(await visit(rig, before.session, '127.0.0.99')).to.deep.equal(before)
  })

  it('are learnt from answers that come byte by byte', async () => {
    await using rig = await open({ key: 'tls.sessionId' }, { part: 1 })
    const first = await visit(rig, FRESH)
    for (const address of addresses.slice(0, 4)) expect(await visit(rig, first.session, address)).to.deep.equal(first)
  })

  it('are begun anew where the backend is away, and learnt there', async () => {
    await using rig = await open({ key: 'tls.sessionId' })
    const first = await visit(rig, FRESH)
    await until('it to be over', () => rig.stats.sessions === 0)
    await rig.balancer.pool().update(first.backend, { state: 'maint' })
    const second = await visit(rig, first.session)
    expect(second.backend).to.not.equal(first.backend)
    expect(second.session.equals(first.session)).to.equal(false)
    expect(pinOf(rig, second.session)).to.equal(second.backend)
    await rig.balancer.pool().update(first.backend, { state: 'ready' })
    expect(await visit(rig, first.session, clientAddress(3))).to.deep.equal(first)
  })

  it('that nobody knows leave the next key to decide', async () => {
    await using rig = await open({ key: ['tls.sessionId', 'tls.sni'], fallback: 'refuse' })
    const strange = randomBytes(SESSION_BYTES)
    const { backend } = await visit(rig, strange, '127.0.0.1', 'ann.example')
    expect(backend).to.equal(homeOf(rig, Buffer.from('ann.example')))
    expect(pinOf(rig, Buffer.from('ann.example'))).to.equal(backend)
    expect(pinOf(rig, strange)).to.equal(undefined)
  })

  it('are none where TLS 1.3 repeats what the client has sent', async () => {
    await using rig = await open({ key: 'tls.sessionId' }, { isTls13: true })
    const { session } = await visit(rig, randomBytes(SESSION_BYTES))
    expect(session).to.have.length(SESSION_BYTES)
    expect(pinOf(rig, session)).to.equal(undefined)
  })

  it('are not looked for where no key asks for them', async () => {
    await using rig = await open({ key: 'tls.sni' })
    const { session } = await visit(rig, FRESH)
    expect(pinOf(rig, session)).to.equal(undefined)
  })
})
