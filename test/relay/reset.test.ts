import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { handleOf } from '../../src/relay/handle.ts'
import { patternSum } from '../helpers/hash.ts'
import type { Conn } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { countBy, openFds, Rig } from '../helpers/rig.ts'
import { Backend, echo, idle } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { steady, until } from '../helpers/wait.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Node shows a reset that comes behind bytes as an end; but there is no peer any more then. */
function isReset({ socket, error }: Conn): boolean {
  return error?.code === 'ECONNRESET' || handleOf(socket)?.getpeername?.({}) !== 0
}

forEachRelay('resets', pair => {
  it('passes a reset of the client on to the backend', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    await client.send('half a quest')
    await server.read(12)
    client.reset()
    await server.over()
    expect(server.error?.code).to.equal('ECONNRESET')
    expect(await rig.causes(1)).to.deep.equal(['endClientReset'])
    await rig.settle()
  })

  it('passes a reset of the backend on to the client', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    await server.send('half an ans')
    await client.read(11)
    server.reset()
    await client.over()
    expect(client.error?.code).to.equal('ECONNRESET')
    expect(await rig.causes(1)).to.deep.equal(['endBackendReset'])
    await rig.settle()
  })

  for (const side of ['client', 'backend'] as const) {
    it(`passes on a reset that comes while the ${side} has already ended its side`, async () => {
      await using backend = await Backend.start({ serve: idle })
      await using rig = await Rig.open(pair, { backends: [backend] })
      const client = await rig.connect()
      const server = await backend.next()
      const [ending, other] = side === 'client' ? [client, server] : [server, client]
      ending.finish()
      await other.drain()
      other.reset()
      await ending.over()
      await ending.closed
      expect(ending.error?.code).to.equal('ECONNRESET')
      expect(await rig.causes(1)).to.deep.equal([side === 'client' ? 'endBackendReset' : 'endClientReset'])
      await rig.settle()
    })
  }

  it('leaves a client the whole of an answer, whose backend resets behind it', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    const answer = 256 * KIB
    server.socket.end(Buffer.alloc(answer))
    // It is in the sockets of a client that does not read yet, with the FIN behind it.
    await until('the answer to be passed on', () => rig.counters.bytesToClient === answer)
    await steady('the session', () => rig.stats.sessions)
    server.reset()
    // The stream relay reads no more, and does not see it.
    if (pair.relay === 'native') expect(await rig.causes(1)).to.deep.equal(['endBackendReset'])
    expect(await client.over()).to.equal('end')
    expect(client.received.bytes).to.equal(answer)
    client.destroy()
    await rig.settle()
  })

  it('tells a client that goes on writing to a backend that has closed, behind its whole answer', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    const answer = 64 * KIB
    server.socket.end(Buffer.alloc(answer))
    await until('the answer and its end to be passed on', () => rig.counters.bytesToClient === answer)
    await until('the answer to have left', () => server.socket.writableFinished)
    // As close() does: no FIN of the client is waited for, and what it writes now is answered by a reset.
    server.destroy()
    await until('the session to end', () => {
      // The stream relay reads no more, and learns of the reset by the write behind it.
      client.socket.write(Buffer.alloc(KIB))
      return rig.stats.sessions === 0
    })
    expect(await rig.causes(1)).to.deep.equal(['endBackendReset'])
    await client.over()
    expect(client.received.bytes).to.equal(answer)
    client.destroy()
    await rig.settle()
  })

  it('does not let a part of an answer look whole, though its FIN has come', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    // Bit by bit, until the relay is left with the last one and nothing is behind it but the FIN.
    const part = Buffer.alloc(16 * KIB)
    let answer = 0
    const isPassedOn = async (): Promise<boolean> => {
      let looks = 0
      await until('the part to be passed on, or not', () => rig.counters.bytesToClient === answer || ++looks > 5)
      return (await steady('the bytes that fit in between', () => rig.counters.bytesToClient, looks)) === answer
    }
    do {
      await server.send(part)
      answer += part.length
    } while (await isPassedOn())
    server.finish()
    await steady('the session', () => rig.stats.sessions)
    expect(await rig.balancer.closeSessions({}, { perSecond: 0 })).to.equal(1)
    expect(await rig.causes(1)).to.deep.equal(['endClosed'])
    await client.over()
    expect(isReset(client)).to.equal(true)
    expect(client.received.bytes).to.be.below(answer)
    client.destroy()
    await rig.settle()
  })

  it('passes on a reset that comes while bytes still wait for a backend that does not read', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    client.socket.write(Buffer.alloc(32 * MIB))
    await steady('the bytes that fit in between', () => rig.counters.bytesToBackend)
    client.reset()
    // The stream relay does not read while bytes wait, and so sees the reset only when the backend reads on.
    if (pair.relay === 'native') expect(await rig.causes(1)).to.deep.equal(['endClientReset'])
    await server.over()
    expect(server.received.bytes).to.be.greaterThan(0)
    expect(await rig.causes(1)).to.deep.equal(['endClientReset'])
    await rig.settle()
  })

  it('closes both sockets at a reset of one side that has bytes waiting for it', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const client = await rig.connect()
    const server = await backend.next()
    // Neither side reads. What waits for the client can never be written.
    server.socket.write(Buffer.alloc(32 * MIB))
    await steady('the bytes that fit in between', () => rig.counters.bytesToClient)
    const fds = openFds()
    client.reset()
    expect(await rig.causes(1)).to.deep.equal(['endClientReset'])
    // The client's own end and the two of the relay; the backend need not do anything for that.
    await until(
      'the descriptors to be closed',
      () => openFds() <= fds - 3,
      () => [openFds(), fds],
    )
    await server.over()
    await rig.settle()
  })

  // Row 4 of the fault matrix: in the middle of a transfer, to a backend that reads and to one that does not.
  it('accounts for every client that resets in the middle of a transfer', async () => {
    const resets = rounds(100, 2000)
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend] })
    for (let round = 0; round < resets; round++) {
      const client = await rig.connect()
      const server = await backend.next()
      const isRead = round % 2 === 0
      const sending = client.sendPattern(round, 512 * KIB).catch((error: NodeJS.ErrnoException) => error.code)
      expect((await server.read(8 * KIB)).length).to.equal(8 * KIB)
      const over = isRead ? server.over() : undefined
      client.reset()
      await sending
      // Node shows a reset that came behind bytes as an end now and then: either will do.
      await (over ?? server.over())
      // Bytes that arrived are the first ones of those that were sent.
      expect(server.received.sum, `round ${round}`).to.equal(patternSum(round, server.received.bytes))
      server.destroy()
    }
    await rig.settle()
    expect(rig.counters).to.include({ accepted: resets, endClientReset: resets })
  })

  // Row 5, the rate apart, which the bench reports.
  it('serves good sessions through a storm of resets', async () => {
    const storm = rounds(1000, 50_000)
    const good = rounds(10, 50)
    await using backend = await Backend.start({ serve: echo })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const clients = await Promise.all(Array.from({ length: good }, () => rig.connect()))
    let raging = true
    const served = clients.map(async (client, seed) => {
      for (let message = 0; raging; message++) {
        const text = `${seed} says ${message}`
        expect(await client.echo(text)).to.equal(text)
        // Without a rest they would take the time of this process that the storm needs.
        await sleep(10)
      }
      client.finish()
      return await client.over()
    })
    const strike = async (): Promise<void> => (await rig.connect({ localAddress: '127.0.9.9' })).reset()
    for (let left = storm; left > 0; left -= 50) await Promise.all(Array.from({ length: Math.min(50, left) }, strike))
    await until('the resets to be seen', () => rig.stats.sessions <= good && rig.counters.accepted === storm + good)
    raging = false
    expect(await Promise.all(served)).to.deep.equal(new Array(good).fill('end'))
    await rig.settle()
    const { endFinished, endClientReset, endClientGone, refusedNoAddress, accepted } = rig.counters
    expect(endFinished, 'good sessions').to.equal(good)
    expect(
      endClientReset + endClientGone + refusedNoAddress,
      `resets: ${JSON.stringify(countBy(rig.closes.map(({ cause }) => cause)))}`,
    ).to.equal(storm)
    expect(accepted).to.equal(storm + good)
  })
})
