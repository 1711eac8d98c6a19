import { EventEmitter, once } from 'node:events'
import { expect } from 'chai'
import { Pattern, patternSum } from '../helpers/hash.ts'
import type { Conn } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { expectAllFinished, expectSpliced, Rig } from '../helpers/rig.ts'
import { Backend, echo, idle } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { steady, until, within } from '../helpers/wait.ts'

const MIB = 1024 * 1024

/** Every fourth tail is more than the buffers of the system hold. */
const tailOf = (seed: number): number => (seed % 4 === 0 ? 3 * MIB : 100 * 1024) + 1

// CPU time and memory of the stall are looked at in test/faults/slow-reader.test.ts, in a process of its own.
forEachRelay('backpressure', pair => {
  // Row 11 of the fault matrix.
  it('loses nothing when both peers write, neither reads, and then both do', async () => {
    const bytes = rounds(16, 128) * MIB
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    const sending = [
      client.sendPattern(1, bytes).then(() => client.finish()),
      server.sendPattern(2, bytes).then(() => server.finish()),
    ]
    const moved = (): number => rig.counters.bytesToBackend + rig.counters.bytesToClient
    expect(await steady('the bytes that fit in between', moved)).to.be.lessThan(2 * bytes)
    const [atServer, atClient] = await Promise.all([server.drain(), client.drain(), ...sending])
    expect(atServer).to.equal(patternSum(1, bytes))
    expect(atClient).to.equal(patternSum(2, bytes))
    await rig.settle()
    expect(rig.counters).to.include({ bytesToBackend: bytes, bytesToClient: bytes, endFinished: 1 })
    expectSpliced(pair, rig.counters)
  })

  it('stops one direction without stopping the other', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    // The client does not read; its own bytes must get through nevertheless.
    const flood = server.sendPattern(5, 16 * MIB).then(() => server.finish())
    await steady('the bytes that fit in between', () => rig.counters.bytesToClient)
    const upload = server.drain()
    await client.sendPattern(6, 8 * MIB)
    client.finish()
    expect(await upload).to.equal(patternSum(6, 8 * MIB))
    const [download] = await Promise.all([client.drain(), flood])
    expect(download).to.equal(patternSum(5, 16 * MIB))
    await rig.settle()
  })

  // Row 13. The backend has sent everything and ended, as far as anybody can tell, before the client begins to read; of
  // the larger ones a part, and the FIN, then still wait in the relay.
  it('delivers the tail to a client that starts to read after the backend has gone', async () => {
    const sessions = rounds(40, 10_000)
    const atOnce = 8
    // Connections come in any order: each client waits for the one that got its own line.
    const asked = new EventEmitter()
    await using backend = await Backend.start({
      serve: async conn => {
        const seed = await conn.line()
        asked.emit(seed, conn)
        conn.socket.end(new Pattern(seed).next(tailOf(Number(seed))))
      },
    })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const one = async (seed: number): Promise<void> => {
      const client = await rig.connect()
      const asking = once(asked, String(seed)) as Promise<[Conn]>
      await client.send(`${seed}\n`)
      client.finish()
      const [server] = await within(`session ${seed} at the backend`, asking)
      await steady('the bytes that fit in between', () => server.socket.writableLength, 3)
      expect(await client.drain(), `session ${seed}`).to.equal(patternSum(seed, tailOf(seed)))
      await server.over()
    }
    for (let seed = 0; seed < sessions; seed += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, n) => one(seed + n)))
    }
    await rig.settle()
    expectAllFinished(rig.counters, sessions)
    expectSpliced(pair, rig.counters)
  })

  it('answers small sessions beside a bulk transfer', async () => {
    const questions = rounds(20, 500)
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const bulk = await rig.connect()
    const source = await backend.next()
    const small = await rig.connect()
    echo(await backend.next(), backend)
    const pattern = new Pattern(8)
    let isAnswered = false
    const pouring = async (): Promise<void> => {
      while (!isAnswered || source.sent.bytes < MIB) await source.send(pattern.next(64 * 1024))
      source.finish()
    }
    const transfer = Promise.all([bulk.drain(), pouring()])
    await until('the transfer to run', () => bulk.received.bytes > MIB)
    for (let n = 0; n < questions; n++) expect(await small.echo('ping')).to.equal('ping')
    isAnswered = true
    expect((await transfer)[0]).to.equal(source.sent.sum)
    rig.hangUp()
    await rig.settle()
  })
})
