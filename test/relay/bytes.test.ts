import { expect } from 'chai'
import { patternSum, randomOf } from '../helpers/hash.ts'
import type { Conn } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, echo, idle, startBackends } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'

const KIB = 1024
const MIB = 1024 * KIB

forEachRelay('bytes', pair => {
  it('carries a message there and back', async () => {
    await using backend = await Backend.start({ serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    expect(await client.echo('ping')).to.equal('ping')
    expect(await client.echo('again')).to.equal('again')
    client.finish()
    expect(await client.over()).to.equal('end')
    expect(await rig.causes(1)).to.deep.equal(['endFinished'])
    await rig.settle()
    expect(rig.closes[0]).to.include({
      relay: pair.relay,
      backend: 'a',
      reason: 'home',
      bytesToBackend: 9,
      bytesToClient: 9,
    })
    expect(rig.counters).to.include({ accepted: 1, opened: 1, bytesToBackend: 9, bytesToClient: 9, endFinished: 1 })
  })

  it('lets a backend speak first', async () => {
    await using backends = await startBackends(['a'])
    await using rig = await Rig.open(pair, { backends: backends.all })
    const client = await rig.connect()
    expect(await client.line()).to.equal('a')
    client.finish()
    await client.over()
    await rig.settle()
  })

  it('carries both directions at once in chunks of random sizes, byte for byte', async () => {
    const bytes = rounds(8, 64) * MIB
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    const [atServer, atClient] = await Promise.all([
      server.drain(),
      client.drain(),
      client.sendPattern(1, bytes).then(() => client.finish()),
      server.sendPattern(2, bytes).then(() => server.finish()),
    ])
    expect(atServer).to.equal(patternSum(1, bytes))
    expect(atClient).to.equal(patternSum(2, bytes))
    await rig.settle()
    expect(rig.counters).to.include({ bytesToBackend: bytes, bytesToClient: bytes, endFinished: 1 })
  })

  it('keeps many sessions apart', async () => {
    const sessions = rounds(60, 300)
    await using backends = await startBackends(['a', 'b', 'c'], echo)
    await using rig = await Rig.open(pair, { backends: backends.all })
    const one = async (seed: number): Promise<void> => {
      const client = await rig.connect({ localAddress: `127.0.2.${1 + (seed % 250)}` })
      const bytes = 1 + randomOf(seed)(128 * KIB)
      const [back] = await Promise.all([
        client.drain(),
        client.sendPattern(seed, bytes, 8 * KIB).then(() => client.finish()),
      ])
      expect(back, `session ${seed}`).to.equal(patternSum(seed, bytes))
    }
    await Promise.all(Array.from({ length: sessions }, (_, seed) => one(seed)))
    await rig.settle()
    expect(rig.counters).to.include({ accepted: sessions, opened: sessions, endFinished: sessions })
  })

  // Row 12 of the fault matrix; with small buffers of the system in test/faults/short-writes.test.ts.
  it('loses nothing when readers stop at random', async () => {
    const schedules = rounds(24, 1000)
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    for (let seed = 0; seed < schedules; seed++) {
      const bytes = 1 + randomOf(seed)(512 * KIB)
      const client = await rig.connect()
      const server = await backend.next()
      const [toServer, toClient] = await Promise.all([
        readInPieces(server, seed),
        readInPieces(client, seed + 1),
        client.sendPattern(seed, bytes).then(() => client.finish()),
        server.sendPattern(seed + 1, bytes).then(() => server.finish()),
      ])
      expect(toServer, `schedule ${seed}, to the backend`).to.equal(patternSum(seed, bytes))
      expect(toClient, `schedule ${seed}, to the client`).to.equal(patternSum(seed + 1, bytes))
    }
    await rig.settle()
    expect(rig.counters.endFinished).to.equal(schedules)
  })
})

/** Reads pieces of random sizes up to the FIN; between them the other events of the process have their turn. */
async function readInPieces(conn: Conn, seed: number): Promise<string> {
  const random = randomOf(seed)
  while ((await conn.read(1 + random(96 * KIB))).length > 0) await new Promise(resolve => setImmediate(resolve))
  return conn.received.sum
}
