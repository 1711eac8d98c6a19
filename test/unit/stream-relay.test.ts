import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { freePort } from '../helpers/net.ts'
import {
  afterTest,
  ask,
  cleanUp,
  connectTo,
  firstData,
  portOf,
  readAll,
  startBackend,
  until,
} from '../lifecycle/helpers.ts'
import { counts, firstHomeOf, open, openWith, settled } from './stream-relay-helpers.ts'

describe('the stream relay', () => {
  afterEach(cleanUp)

  it('carries a client that half-closes before the answer', async () => {
    const balancer = await openWith(socket => {
      const hash = createHash('sha256')
      socket.on('data', chunk => hash.update(chunk))
      socket.on('end', () => socket.end(hash.digest('hex')))
    })
    const bytes = Buffer.alloc(3_000_000, 'limpet')
    const client = await connectTo(portOf(balancer))
    client.end(bytes)
    expect((await readAll(client)).text).to.equal(createHash('sha256').update(bytes).digest('hex'))
    await settled(balancer)
    expect(counts(balancer)).to.deep.equal({
      accepted: 1,
      opened: 1,
      bytesToBackend: 3_000_000,
      bytesToClient: 64,
      endFinished: 1,
    })
  })

  it('carries a backend that half-closes before the client has sent', async () => {
    let received = 0
    let ended = false
    const balancer = await openWith(socket => {
      socket.end('bye')
      socket.on('data', chunk => {
        received += chunk.length
      })
      socket.on('end', () => {
        ended = true
      })
    })
    const client = await connectTo(portOf(balancer))
    expect(await readAll(client)).to.include({ text: 'bye', closed: 'end' })
    client.end(Buffer.alloc(5_000_000))
    await until(() => ended)
    expect(received).to.equal(5_000_000)
    await settled(balancer)
    expect(counts(balancer).endFinished).to.equal(1)
  })

  it('waits for a slow reader, with bounded memory, and loses nothing', async () => {
    const total = 64 * 1024 * 1024
    const balancer = await openWith(socket => socket.end(Buffer.alloc(total, 'x')))
    const client = await connectTo(portOf(balancer))
    client.pause()
    // The bytes that went on are those that sockets hold; when they no longer grow, the relay waits.
    await until(() => balancer.stats().counters.bytesToClient > 0)
    let before = 0
    while (before !== balancer.stats().counters.bytesToClient) {
      before = balancer.stats().counters.bytesToClient
      await sleep(100)
    }
    expect(before).to.be.below(total / 2)
    expect((await readAll(client)).bytes).to.equal(total)
    client.end()
    await settled(balancer)
  })

  it('passes a reset of the client on as a reset', async () => {
    const errors: (string | undefined)[] = []
    const balancer = await openWith(socket => {
      socket.write('hello')
      socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code))
    })
    const client = await connectTo(portOf(balancer))
    await firstData(client)
    client.resetAndDestroy()
    await until(() => errors.length > 0)
    expect(errors).to.deep.equal(['ECONNRESET'])
    await settled(balancer)
    expect(counts(balancer).endClientReset).to.equal(1)
  })

  it('passes a reset of the backend on as a reset', async () => {
    const balancer = await openWith(socket => socket.once('data', () => socket.resetAndDestroy()))
    const client = connect(portOf(balancer), '127.0.0.1')
    client.write('x')
    const [error] = await once(client, 'error')
    expect(error).to.include({ code: 'ECONNRESET' })
    await settled(balancer)
    expect(counts(balancer).endBackendReset).to.equal(1)
  })

  it('ends a session after silence in both directions, not in one', async () => {
    const balancer = await openWith(
      socket => {
        // Silent for the client, who gets something every 60 ms.
        const timer = setInterval(() => socket.write('.'), 60)
        socket.once('close', () => clearInterval(timer))
        socket.once('data', () => clearInterval(timer))
      },
      { timeouts: { idle: 250 } },
    )
    const client = await connectTo(portOf(balancer))
    await sleep(500)
    expect(balancer.stats().sessions).to.equal(1)
    client.write('stop')
    await readAll(client)
    await settled(balancer)
    expect(counts(balancer).endIdleTimeout).to.equal(1)
  })

  it('ends a half-closed session after silence in the other direction', async () => {
    const balancer = await openWith(
      socket => {
        let left = 8
        const timer = setInterval(() => {
          socket.write('.')
          if (--left === 0) clearInterval(timer)
        }, 50)
        socket.once('close', () => clearInterval(timer))
      },
      { timeouts: { fin: 200, idle: '1h' } },
    )
    const client = await connectTo(portOf(balancer))
    client.end()
    const startedAt = performance.now()
    // Each of the eight dots begins the time anew.
    expect((await readAll(client)).text).to.equal('........')
    await settled(balancer)
    expect(performance.now() - startedAt).to.be.within(500, 5000)
    expect(counts(balancer).endFinTimeout).to.equal(1)
  })

  it('goes to the next backend when one refuses, and the pin follows', async () => {
    const live = await startBackend()
    const dead = await freePort()
    const balancer = await open({
      backends: [
        { name: 'live', address: live.address },
        { name: 'dead', address: `127.0.0.1:${dead}` },
      ],
    })
    const client = firstHomeOf(balancer, 'dead')
    expect(await ask(portOf(balancer), 'x', client)).to.equal('hello x')
    await settled(balancer)
    expect(counts(balancer)).to.include({ connectRefused: 1, endFinished: 1 })
    expect(balancer.stats().pools.p?.decisions.redispatch).to.equal(1)
    expect(balancer.pool().explain(client).pin?.backend).to.equal('live')
    expect(balancer.pool().backends()[1]).to.include({ name: 'dead', connectFailures: 1, sessions: 0 })
    expect(await ask(portOf(balancer), 'y', client)).to.equal('hello y')
    expect(counts(balancer).connectRefused).to.equal(1)
  })

  it('tries as often as it may, and closes the client then', async () => {
    const ports = [await freePort(), await freePort(), await freePort(), await freePort()]
    const backends = ports.map((port, index) => ({ name: `dead${index}`, address: `127.0.0.1:${port}` }))
    for (const [retries, tries] of [
      [0, 1],
      [2, 3],
      [16, 4],
    ] as const) {
      const balancer = await open({ backends, retries })
      expect((await readAll(await connectTo(portOf(balancer)))).bytes).to.equal(0)
      await settled(balancer)
      expect(counts(balancer)).to.deep.equal({ accepted: 1, refusedNoBackend: 1, connectRefused: tries })
      expect(balancer.pool().explain('127.0.0.1').pin).to.equal(undefined)
    }
  })

  it('closes the client at once when nobody may serve it', async () => {
    const none = await open({})
    expect((await readAll(await connectTo(portOf(none)))).bytes).to.equal(0)
    expect(counts(none)).to.deep.equal({ accepted: 1, refusedNoBackend: 1 })
    const backend = await startBackend()
    const full = await open({ backends: [{ name: 'a', address: backend.address, maxSessions: 1 }] })
    const first = await connectTo(portOf(full))
    await firstData(first)
    expect((await readAll(await connectTo(portOf(full)))).bytes).to.equal(0)
    expect(counts(full)).to.include({ accepted: 2, refusedPoolFull: 1 })
  })

  it('closes clients past the maxSessions of the listener, until one leaves', async () => {
    const backend = await startBackend()
    const balancer = await open({ backends: [{ name: 'a', address: backend.address }] }, 1)
    const first = await connectTo(portOf(balancer))
    await firstData(first)
    expect((await readAll(await connectTo(portOf(balancer)))).bytes).to.equal(0)
    expect(counts(balancer).refusedMaxSessions).to.equal(1)
    first.end()
    await readAll(first)
    await settled(balancer)
    expect(await ask(portOf(balancer), 'x')).to.equal('hello x')
  })

  it('reaches backends on unix sockets', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'limpet-'))
    afterTest(() => rmSync(directory, { recursive: true, force: true }))
    const path = join(directory, 'backend.sock')
    const backend = await startBackend(undefined, { path })
    const balancer = await open({ backends: [{ name: 'a', address: backend.address }] })
    expect(await ask(portOf(balancer), 'x')).to.equal('hello x')
  })
})
