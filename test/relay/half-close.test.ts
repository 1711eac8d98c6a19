import { expect } from 'chai'
import { patternSum } from '../helpers/hash.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { expectSpliced, Rig } from '../helpers/rig.ts'
import { Backend, idle } from '../helpers/servers.ts'
import { steady, unlessHeldUp } from '../helpers/wait.ts'

const MIB = 1024 * 1024
const FIN_MS = 300

forEachRelay('half-close', pair => {
  // Row 1 of the fault matrix.
  it('delivers the whole answer to a client that has ended its side', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    const question = server.drain()
    await client.sendPattern(1, MIB)
    client.finish()
    expect(await question, 'the backend saw every byte and the FIN').to.equal(patternSum(1, MIB))
    expect(rig.stats.sessions, 'the session goes on').to.equal(1)
    const answer = client.drain()
    await server.sendPattern(2, 2 * MIB)
    server.finish()
    expect(await answer).to.equal(patternSum(2, 2 * MIB))
    await rig.settle()
    expect(rig.counters.endFinished).to.equal(1)
  })

  // Row 2.
  it('delivers what a client sends after the backend has ended its side', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    const greeting = client.drain()
    await server.send('bye')
    server.finish()
    expect(await greeting).to.equal(server.sent.sum)
    // As bulk: the backend reads after all buffers on the way were full.
    const sending = client.sendPattern(3, 16 * MIB).then(() => client.finish())
    await steady('the bytes that fit in between', () => rig.counters.bytesToBackend)
    const [rest] = await Promise.all([server.drain(), sending])
    expect(rest).to.equal(patternSum(3, 16 * MIB))
    await rig.settle()
    expect(rig.counters.endFinished).to.equal(1)
    expectSpliced(pair, rig.counters)
  })

  it('passes on a FIN that comes before the backend is connected, and one without a byte', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    for (const text of ['', 'only this']) {
      const client = await rig.connect()
      client.socket.end(text)
      const server = await backend.next()
      await server.drain()
      expect(server.received.bytes).to.equal(text.length)
      server.finish()
      await client.drain()
    }
    await rig.settle()
    expect(rig.counters.endFinished).to.equal(2)
  })

  // Row 3.
  for (const first of ['client', 'backend'] as const) {
    it(`closes a session whose ${first} has ended once the other side was silent for the fin timeout`, async () => {
      await using backend = await Backend.start({ serve: idle })
      await using rig = await Rig.open(pair, { backends: [backend], pool: { timeouts: { fin: FIN_MS, idle: '1h' } } })
      const client = await rig.connect()
      const server = await backend.next()
      const [ending, silent] = first === 'client' ? [client, server] : [server, client]
      const began = performance.now()
      ending.finish()
      await silent.drain()
      expect(await ending.over()).to.equal('end')
      expect(performance.now() - began, 'not before its time').to.be.at.least(FIN_MS * 0.9)
      expect(await rig.causes(1)).to.deep.equal(['endFinTimeout'])
      await rig.settle()
    })
  }

  it('counts the fin timeout from the last byte', async () => {
    await unlessHeldUp(FIN_MS, async beat => {
      await using backend = await Backend.start({ serve: idle })
      await using rig = await Rig.open(pair, { backends: [backend], pool: { timeouts: { fin: FIN_MS } } })
      const client = await rig.connect()
      const server = await backend.next()
      client.finish()
      await server.drain()
      const began = performance.now()
      while (performance.now() - began < 2 * FIN_MS) {
        await server.send('.')
        expect((await client.read(1)).toString()).to.equal('.')
        beat()
      }
      server.finish()
      expect(await client.over()).to.equal('end')
      await rig.settle()
      expect(rig.counters.endFinished).to.equal(1)
    })
  })
})
