import { expect } from 'chai'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, idle } from '../helpers/servers.ts'
import { unlessHeldUp } from '../helpers/wait.ts'

const IDLE_MS = 300

forEachRelay('idle timeout', pair => {
  it('closes a session without a byte in either direction', async () => {
    await using backend = await Backend.start({ serve: idle })
    await using rig = await Rig.open(pair, { backends: [backend], pool: { timeouts: { idle: IDLE_MS } } })
    const began = performance.now()
    const client = await rig.connect()
    const server = await backend.next()
    await Promise.all([client.over(), server.over()])
    expect(performance.now() - began, 'not before its time').to.be.at.least(IDLE_MS * 0.9)
    expect(await rig.causes(1)).to.deep.equal(['endIdleTimeout'])
    await rig.settle()
  })

  for (const speaker of ['client', 'backend'] as const) {
    it(`leaves a session alone in which only the ${speaker} speaks`, async () => {
      await unlessHeldUp(IDLE_MS, async beat => {
        await using backend = await Backend.start({ serve: idle })
        await using rig = await Rig.open(pair, { backends: [backend], pool: { timeouts: { idle: IDLE_MS } } })
        const client = await rig.connect()
        const server = await backend.next()
        const [from, to] = speaker === 'client' ? [client, server] : [server, client]
        const began = performance.now()
        let bytes = 0
        for (; performance.now() - began < 3 * IDLE_MS; bytes++) {
          await from.send('.')
          await to.read(1)
          beat()
        }
        expect(to.received.bytes).to.equal(bytes)
        expect(rig.stats.sessions).to.equal(1)
        client.destroy()
        await server.over()
        server.finish()
        await rig.settle()
        expect(rig.counters.endIdleTimeout).to.equal(0)
      })
    })
  }

  it('ends sessions at the same time as others go on', async () => {
    await unlessHeldUp(IDLE_MS, async beat => {
      await using backend = await Backend.start()
      await using rig = await Rig.open(pair, { backends: [backend], pool: { timeouts: { idle: IDLE_MS } } })
      const busy = await rig.connect()
      const silent = await Promise.all(Array.from({ length: 10 }, () => rig.connect()))
      let over = false
      const ends = Promise.all(silent.map(client => client.over())).then(ways => {
        over = true
        return ways
      })
      while (!over) {
        expect(await busy.echo('x')).to.equal('x')
        beat()
      }
      expect(await ends).to.deep.equal(new Array(10).fill('end'))
      busy.finish()
      await busy.over()
      await rig.settle()
      expect(rig.counters).to.include({ endIdleTimeout: 10, endFinished: 1 })
    })
  })
})
