import { expect } from 'chai'
import { Pattern, patternSum } from '../helpers/hash.ts'
import { ProcessRig } from '../helpers/process-rig.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { expectSpliced } from '../helpers/rig.ts'
import { Backend, idle } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { steady } from '../helpers/wait.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** Far more than a session holds, since the heap of a young process grows with it; and far less than what is pushed. */
const MOST_EACH = 6 * MIB

forEachRelayOnce('slow readers', pair => {
  // Row 9 of the fault matrix.
  it('cost bounded memory, and lose nothing', async () => {
    const readers = rounds(8, 32)
    const pushed = rounds(16, 1024 / 32) * MIB
    await using backend = await Backend.start({ serve: idle })
    const { name, address } = backend
    await using rig = await ProcessRig.open(pair, { backends: [{ name, address }] })
    const clients = await Promise.all(Array.from({ length: readers }, () => rig.connect()))
    const servers = await Promise.all(clients.map(() => backend.next()))
    const before = await rig.memory()
    const pushing = servers.map(async (server, seed) => {
      const pattern = new Pattern(seed)
      for (let left = pushed; left > 0; left -= 64 * KIB) await server.send(pattern.next(64 * KIB))
      server.finish()
    })
    const moved = async (): Promise<number> => (await rig.counters()).bytesToClient
    expect(await steady('the bytes that fit in between', moved)).to.be.lessThan(readers * pushed)
    const stalled = await rig.memory()
    expect(stalled - before, 'memory while nobody reads').to.be.lessThan(readers * MOST_EACH)
    await rig.rests()

    // Slowly, a kibibyte at a time.
    for (let piece = 0; piece < 100; piece++) await Promise.all(clients.map(client => client.read(KIB)))
    await steady('the bytes that fit in between', moved)
    expect((await rig.memory()) - before, 'memory while they read slowly').to.be.lessThan(readers * MOST_EACH)

    const [sums] = await Promise.all([Promise.all(clients.map(client => client.drain())), ...pushing])
    // Which client meets which end of the backend is not said.
    expect(sums).to.have.members(servers.map((_, seed) => patternSum(seed, pushed)))
    for (const client of clients) client.finish()
    for (const server of servers) server.destroy()
    await Promise.all(clients.map(client => client.over()))
    for (const client of clients) client.destroy()
    await rig.settle()
  })

  // Row 11, its part about the processor.
  it('let the process rest while both directions are full', async () => {
    await using backend = await Backend.start({ serve: idle })
    const { name, address } = backend
    await using rig = await ProcessRig.open(pair, { backends: [{ name, address }] })
    const bytes = 16 * MIB
    const client = await rig.connect()
    const server = await backend.next()
    const sending = [
      client.sendPattern(1, bytes).then(() => client.finish()),
      server.sendPattern(2, bytes).then(() => server.finish()),
    ]
    await steady('the bytes that fit in between', async () => {
      const { bytesToBackend, bytesToClient } = await rig.counters()
      return bytesToBackend + bytesToClient
    })
    await rig.rests()
    const [atServer, atClient] = await Promise.all([server.drain(), client.drain(), ...sending])
    expect([atServer, atClient]).to.deep.equal([patternSum(1, bytes), patternSum(2, bytes)])
    await Promise.all([client.closed, server.closed])
    expectSpliced(pair, await rig.settle())
  })
})
